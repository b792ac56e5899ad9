//! The client's side: requests that go out, and what is seen of them.

mod address;
mod call;
mod future;
mod kind;
mod layer;
mod message;

#[cfg(feature = "reqwest")]
pub mod reqwest;
#[cfg(feature = "ureq")]
pub mod ureq;

pub use future::PropagateFuture;
pub use layer::{PropagateLayer, PropagateService, propagate_layer};
pub use message::{ClientRequest, ClientResponse};
