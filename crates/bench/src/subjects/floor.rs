//! The registry and a layer that does nothing: what `tracing` itself costs. (A registry without any layer never closes a span.)

use std::error::Error;

use tracing::{Dispatch, Subscriber};
use tracing_subscriber::{Layer, layer::SubscriberExt, registry};

use super::{FLOOR, Subject, play_with};
use crate::logger::{self, Silent};
use crate::measure::Turn;
use crate::workloads::{Mode, Workload};

#[derive(Debug)]
pub(super) struct Floor;

struct Nothing;

impl<S: Subscriber> Layer<S> for Nothing {}

impl Subject for Floor {
    fn name(&self) -> &'static str {
        FLOOR
    }

    fn takes(&self, _: Workload, _: Mode) -> bool {
        true
    }

    fn sent(&self) -> usize {
        0
    }

    fn play(&self, _: Mode, turn: Turn<'_>) -> Result<(), Box<dyn Error>> {
        logger::with(&Silent, || play_with(&Dispatch::new(registry().with(Nothing)), || {}, turn));
        Ok(())
    }
}
