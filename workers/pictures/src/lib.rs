//! The picture Worker: makes of an upload what may be kept and shown to others.
//!
//! It is a Worker of its own because of its decoders, which the edge's isolates would otherwise all load, and because of the
//! memory that a large picture takes: whatever an upload does to it, the edge goes on. It has no binding, keeps nothing and
//! logs nothing, and is reached over the edge's service binding only.

use worker::{Context, Env, Request, Response, event};
use zygo_core::picture::Shape;
use zygo_pictures::clean;

/// An upload in, at the path of a shape; a picture out with its media type, or with status 422 why it is refused.
#[event(fetch)]
async fn fetch(mut request: Request, _env: Env, _context: Context) -> worker::Result<Response> {
    let shape = Shape::of_path(&request.path());
    let upload = request.bytes().await?;
    match clean(&upload, shape) {
        Ok(picture) => {
            let mut response = Response::from_bytes(picture.bytes)?;
            response.headers_mut().set("content-type", picture.kind.media_type())?;
            Ok(response)
        }
        Err(refusal) => Ok(Response::from_json(&refusal)?.with_status(422)),
    }
}
