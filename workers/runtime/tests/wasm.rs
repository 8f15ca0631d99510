//! What behaves differently in WebAssembly: randomness, clock, crossings, cryptography.
#![cfg(target_arch = "wasm32")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

use js_sys::Promise;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{Request, Response};
use worker::worker_sys::web_sys;
use zygo_core::{
    identity::{password, token::KeyRing},
    time::Timestamp,
};
use zygo_runtime::{clock, js, random, task};

#[wasm_bindgen_test]
fn random_bytes_are_there_and_differ() {
    let draws: Vec<[u8; 32]> = (0..100).map(|_| random::bytes()).collect();
    for (at, draw) in draws.iter().enumerate() {
        assert_ne!(*draw, [0; 32]);
        assert!(!draws[..at].contains(draw));
    }
}

#[wasm_bindgen_test]
fn the_clock_is_of_this_century() {
    let now = clock::now();
    assert!(now > Timestamp::from_millis(1_577_836_800_000) && now < Timestamp::from_millis(4_102_444_800_000));
}

#[wasm_bindgen_test]
fn a_head_comes_over_in_one_string_and_other_headers_one_by_one() {
    let request = Request::new_with_str("http://acme.app.localhost:8787/users/me?x=%C3%A9").unwrap();
    request.headers().set("x-request-id", "abcdefgh").unwrap();
    request.headers().set("if-match", "\"1\"").unwrap();
    let head = js::head(&request);
    let lines: Vec<&str> = head.split('\n').collect();
    assert_eq!(lines[0], "GET");
    assert_eq!(lines[1], "http://acme.app.localhost:8787/users/me?x=%C3%A9");
    assert_eq!(lines[2..], ["abcdefgh", ""]);
    let header = |name: &str| js::header(&request, js::HEADERS.iter().position(|known| *known == name).unwrap());
    assert_eq!(header("x-request-id").as_deref(), Some("abcdefgh"));
    assert_eq!(header("if-match").as_deref(), Some("\"1\""));
    assert_eq!(header("authorization"), None);
}

#[wasm_bindgen_test]
async fn a_reply_has_its_headers_and_body() {
    let outline = |status| js::Outline::new(status, "content-type\napplication/json\n", "x-request-id\netag", "");
    let ok = outline(200);
    for tag in ["\"1\"", "\"2\""] {
        let own = format!("abc\n{tag}\n");
        let response: Response = ok.reply(&own, &js::Body::Empty).unchecked_into();
        let header = |name| response.headers().get(name).unwrap();
        assert_eq!((header("x-request-id").as_deref(), header("etag").as_deref()), (Some("abc"), Some(tag)));
        assert_eq!((header("content-type").as_deref(), header("set-cookie")), (Some("application/json"), None));
    }
    let reply = outline(201).reply("abc\n\"1\"\nset-cookie\na=1\nset-cookie\nb=2\n", &js::Body::Text("{\"é\":1}"));
    let response: Response = reply.unchecked_into();
    assert_eq!(response.headers().get("etag").unwrap().as_deref(), Some("\"1\""));
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers().get("content-type").unwrap().as_deref(), Some("application/json"));
    assert_eq!(response.headers().get("set-cookie").unwrap().as_deref(), Some("a=1, b=2"));
    let text = JsFuture::from(response.text().unwrap()).await.unwrap();
    assert_eq!(text.as_string().as_deref(), Some("{\"é\":1}"));
    let empty: Response = js::Outline::new(204, "", "", "").reply("", &js::Body::Empty).unchecked_into();
    assert!(empty.body().is_none());
    let value: Response = js::Outline::new(200, "", "", "").reply("", &js::Body::Value(&JsValue::from_str("x"))).unchecked_into();
    assert_eq!(value.status(), 200);
}

#[wasm_bindgen_test]
async fn a_reply_again_has_its_own_id_alone() {
    let body = JsValue::from_str("{}");
    let outline = js::Outline::new(200, "content-type\napplication/json\n", "x-request-id", "{\"request_id\":\"");
    for id in ["abcdefgh", "ijklmnop"] {
        let response: Response = outline.again(id, &body).unchecked_into();
        let header = |name| response.headers().get(name).unwrap();
        assert_eq!((header("x-request-id").as_deref(), header("content-type").as_deref()), (Some(id), Some("application/json")));
        let text = JsFuture::from(response.text().unwrap()).await.unwrap();
        assert_eq!((response.status(), text.as_string().as_deref()), (200, Some("{}")));
    }
}

/// Natively the same code is held to published vectors; here it only has to work at all.
#[wasm_bindgen_test]
fn passwords_hash_as_they_do_natively() {
    let phc = password::hash("correct horse battery staple", *b"0123456789abcdef").unwrap();
    assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(password::verify("correct horse battery staple", &phc));
    assert!(!password::verify("correct horse battery stapler", &phc));
}

/// RFC 8037, appendix A: the key's public half must come out the same here.
#[wasm_bindgen_test]
fn ed25519_derives_the_published_public_key() {
    let ring = KeyRing::parse(r#"[{"kid":"a","seed":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]"#).unwrap();
    assert_eq!(ring.jwks()["keys"][0]["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
}

#[wasm_bindgen_test]
fn what_is_ready_at_once_needs_no_promise() {
    let value = task::run(async { JsValue::from_str("now") });
    assert_eq!(value.as_string().as_deref(), Some("now"));
}

/// A microtask, behind an awaited promise, as often as one likes.
async fn later(times: u32) {
    for _ in 0..times {
        JsFuture::from(Promise::resolve(&JsValue::NULL)).await.unwrap();
    }
}

#[wasm_bindgen_test]
async fn what_waits_is_a_promise() {
    for times in 1..5 {
        let value = task::run(async move {
            later(times).await;
            JsValue::from_f64(times.into())
        });
        let promise: Promise = value.dyn_into().unwrap();
        assert_eq!(JsFuture::from(promise).await.unwrap().as_f64(), Some(times.into()));
    }
}

/// As the runtime's timers do: the waker of the first poll is kept, those of later ones are not looked at.
#[wasm_bindgen_test]
async fn the_first_waker_is_good_for_all_polls() {
    let polls = Rc::new(Cell::new(0));
    let (counted, first) = (Rc::clone(&polls), RefCell::new(None::<Waker>));
    let value = task::run(poll_fn(move |context| {
        counted.set(counted.get() + 1);
        let waker = first.borrow_mut().get_or_insert_with(|| context.waker().clone()).clone();
        match counted.get() {
            4 => Poll::Ready(JsValue::TRUE),
            _ => {
                // Twice, of which one counts.
                waker.wake_by_ref();
                waker.wake();
                Poll::Pending
            }
        }
    }));
    assert_eq!(polls.get(), 1, "the first poll is in the call");
    assert!(JsFuture::from(value.unchecked_into::<Promise>()).await.unwrap().is_truthy());
    assert_eq!(polls.get(), 4);
}

/// Says when it is dropped.
struct Held(Rc<Cell<bool>>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[wasm_bindgen_test]
async fn what_nobody_can_wake_is_dropped() {
    let (dropped, kept) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(None::<Waker>)));
    let (held, waker) = (Held(Rc::clone(&dropped)), Rc::clone(&kept));
    let _ = task::run(async move {
        poll_fn(|context| {
            waker.borrow_mut().replace(context.waker().clone());
            Poll::<()>::Pending
        })
        .await;
        drop(held);
        JsValue::NULL
    });
    assert!(!dropped.get(), "somebody holds its waker");
    kept.borrow_mut().take().unwrap().wake();
    later(3).await;
    assert!(!dropped.get() && kept.borrow().is_some(), "it was polled again, and waits again");
    drop(kept.borrow_mut().take());
    assert!(dropped.get());
}
