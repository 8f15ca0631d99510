//! Runs a request's future: at once, and without a promise where it is ready at once.
//!
//! `wasm_bindgen_futures::future_to_promise` makes a promise and polls in a microtask, each of which costs a request that is answered from
//! memory a good part of its time. Here the first poll happens in the call, with the waker of all later ones: some timers of the
//! runtime's bindings keep the waker that they were first given.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

type Running = Pin<Box<dyn Future<Output = JsValue>>>;

/// A future that was not ready, and what is called with its outcome.
struct Task {
    future: Running,
    resolve: Function,
}

thread_local! {
    static TASKS: RefCell<HashMap<u64, Task>> = RefCell::default();
    static NEXT: Cell<u64> = const { Cell::new(0) };
    static AT_ONCE: Cell<bool> = const { Cell::new(false) };
}

/// What wakers hold. When nobody can wake it any more, a task is dropped.
struct Handle {
    id: u64,
    /// Whether a poll is on its way already.
    queued: AtomicBool,
}

impl Wake for Handle {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            spawn_local(async move { proceed(&self) });
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Its future may hold wakers of others: it is dropped after the table has been left.
        drop(take(self.id));
    }
}

fn take(id: u64) -> Option<Task> {
    // Where the isolate is about to end, there is no table any more.
    TASKS.try_with(|tasks| tasks.borrow_mut().remove(&id)).ok().flatten()
}

fn keep(id: u64, task: Task) {
    TASKS.with(|tasks| tasks.borrow_mut().insert(id, task));
}

/// Polls a task once more.
fn proceed(handle: &Arc<Handle>) {
    handle.queued.store(false, Ordering::Relaxed);
    let Some(mut task) = take(handle.id) else { return };
    match poll(&mut task.future, handle) {
        // Who waits for the promise hears of it; that nobody does is no fault of the task.
        Poll::Ready(value) => drop(task.resolve.call1(&JsValue::UNDEFINED, &value)),
        Poll::Pending => keep(handle.id, task),
    }
}

fn poll(future: &mut Running, handle: &Arc<Handle>) -> Poll<JsValue> {
    future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(handle))))
}

/// Whether the future that runs has waited for nothing yet: the clock, which stands still between I/O, shows what it showed before.
#[must_use]
pub fn is_at_once() -> bool {
    AT_ONCE.get()
}

/// Polls a future: its value if it is ready, or the promise of it.
#[must_use]
pub fn run(future: impl Future<Output = JsValue> + 'static) -> JsValue {
    let id = NEXT.with(|next| next.replace(next.get().wrapping_add(1)));
    let handle = Arc::new(Handle { id, queued: AtomicBool::new(false) });
    let mut future: Running = Box::pin(future);
    AT_ONCE.set(true);
    let first = poll(&mut future, &handle);
    AT_ONCE.set(false);
    if let Poll::Ready(value) = first {
        return value;
    }
    let mut waiting = Some(future);
    Promise::new(&mut |resolve, _| {
        if let Some(future) = waiting.take() {
            keep(id, Task { future, resolve });
        }
    })
    .into()
}
