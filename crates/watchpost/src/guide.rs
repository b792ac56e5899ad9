//! Pages that explain more than one item.

#[doc = include_str!("../docs/cost.md")]
pub mod cost {}

#[doc = include_str!("../docs/crons.md")]
pub mod crons {}

#[doc = include_str!("../docs/logs.md")]
pub mod logs {}

#[doc = include_str!("../docs/metrics.md")]
pub mod metrics {}

#[doc = include_str!("../docs/tasks.md")]
pub mod tasks {}
