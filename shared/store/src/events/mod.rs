//! Events on their way out: the log, the endpoints that tenants describe, deliveries to them; and whom mail does not reach.

pub mod delivery;
pub mod dispatch;
pub mod endpoint;
pub mod log;
pub mod mail;
pub mod stream;

pub use delivery::{AttemptRow, DeliveryRow, Position, Tried, attempts, begin_test, deliveries, delivery, replay, retry, settle_test};
pub use dispatch::{Claimed, Outcome, Settled, Target, disable, disable_failing, expire, lagging, turn};
pub use endpoint::{
    Change, EndpointRow, NewEndpoint, SecretRow, create_endpoint, delete_endpoint, endpoint, endpoints, headers_context, rotate_secret,
    secret_context, show_secret, update_endpoint,
};
pub use log::{EventRow, events};
pub use mail::{Proved, Reported, Standing, mail_standing, note_mail, own_mail, report_mail};
pub use stream::{missed, take};
