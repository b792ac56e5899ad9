//! What a layer or a bridge heard, or the program logged: it is written down once, and becomes a breadcrumb, a log, or both.

use std::borrow::Cow;
use std::sync::Arc;

use watchpost_protocol::{Breadcrumb, LogLevel, Timestamp};

use crate::batch::Moment;
use crate::breadcrumbs::{self, FlatCrumb};
use crate::client::Client;
use crate::current::{InTrace, Scopes};
use crate::fields::Fields;
use crate::hints;
use crate::origin::Site;
use crate::pipeline::{LogRecord, LogSource};
use crate::scratch;
use crate::unharmed::unharmed;

/// What becomes of something that was heard.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    /// How severe it is.
    pub level: LogLevel,
    /// Whether it becomes a breadcrumb.
    pub breadcrumb: bool,
    /// Whether it becomes a log, and of what origin, as `auto.log.tracing`.
    pub log: Option<&'static str>,
}

/// Where it was said.
#[derive(Debug)]
pub struct Said {
    /// The category of the breadcrumb, and the logger of the log.
    pub logger: Cow<'static, str>,
    /// The place in the program.
    pub site: Site,
}

/// As [`add_heard_in`], wherever the thread is.
pub fn add_heard(heard: Heard, collect: impl FnOnce(&mut Fields) -> Said) {
    Scopes::with_at_hand(|scopes, trace| add_heard_in(scopes, trace, heard, collect));
}

/// Adds what was heard in `scopes`, if there is a client and it wants any of it. `collect` prints the fields, its message under the key
/// `message`, and says where it was said; a panic in it costs this one and nothing else. The fields are written down as they come: a
/// [`Breadcrumb`] is made of them if a hook asks for one, or when an event takes it along, and a log on the worker.
///
/// `trace` is where it happened: its client need not be looked for.
pub fn add_heard_in(
    scopes: &Scopes,
    trace: Option<InTrace<'_>>,
    heard: Heard,
    collect: impl FnOnce(&mut Fields) -> Said,
) {
    with_client(scopes, trace, |client| {
        let options = client.options();
        let breadcrumb = heard.breadcrumb && options.max_breadcrumbs > 0;
        let wanted = heard.log.filter(|_| options.enable_logs);
        let log = wanted.filter(|_| client.admits::<LogRecord>());
        if !breadcrumb && heard.breadcrumb {
            hints::breadcrumbs_are_off();
        }
        if wanted.is_none() && heard.log.is_some() {
            hints::bridged_log_not_sent();
        }
        if !breadcrumb && log.is_none() {
            return;
        }
        scratch::with(|fields| {
            let said = kept(|| Some((collect(fields), options.clock.now())));
            let Some((Said { logger, site }, timestamp)) = said else { return };
            if let (true, None) = (breadcrumb, log) {
                return add_breadcrumb(client, scopes, crumb(heard.level, timestamp, logger), fields);
            }
            if breadcrumb {
                add_breadcrumb(client, scopes, crumb(heard.level, timestamp, logger.clone()), fields);
            }
            if let Some(origin) = log {
                let source = LogSource::Bridged { origin, logger, site };
                let log = LogRecord { level: heard.level, source };
                client.add(log, moment(timestamp, client, scopes, trace), scopes.nearest_first(), fields);
            }
        });
    });
}

/// Adds a log of the program's own; `collect` as for [`add_heard_in`], the message last.
pub(crate) fn add_log(level: LogLevel, template: Option<&'static str>, collect: &mut dyn FnMut(&mut Fields)) {
    Scopes::with_at_hand(|scopes, trace| {
        with_client(scopes, trace, |client| {
            let options = client.options();
            if !options.enable_logs || !client.admits::<LogRecord>() {
                return;
            }
            scratch::with(|fields| {
                let said = kept(|| {
                    collect(fields);
                    Some(options.clock.now())
                });
                let Some(timestamp) = said else { return };
                let log = LogRecord { level, source: LogSource::ByHand { template } };
                client.add(log, moment(timestamp, client, scopes, trace), scopes.nearest_first(), fields);
            });
        });
    });
}

/// Shows the client that something in these scopes goes to, if there is one.
pub(crate) fn with_client(scopes: &Scopes, trace: Option<InTrace<'_>>, look: impl FnOnce(&Client)) {
    let traced = trace.map(|(trace, _)| trace.client()).filter(|client| client.is_active());
    let of_scopes = if traced.is_some() { None } else { scopes.client() };
    if let Some(client) = traced.or(of_scopes.as_ref()) {
        look(client);
    }
}

/// When and where in its trace something happens. A span is named only if one is open (`protocol.md` §9.1).
pub(crate) fn moment(
    timestamp: Timestamp,
    client: &Client,
    scopes: &Scopes,
    trace: Option<InTrace<'_>>,
) -> Moment {
    let (trace_id, span_id) = match trace {
        Some((trace, slot)) => (trace.id(), Some(trace.ids(slot).0)),
        None => (scopes.propagation(client).trace_id, None),
    };
    Moment { timestamp, trace_id, span_id }
}

fn crumb(level: LogLevel, timestamp: Timestamp, category: Cow<'static, str>) -> FlatCrumb {
    FlatCrumb { timestamp, level: level.into(), category }
}

fn add_breadcrumb(client: &Client, scopes: &Scopes, crumb: FlatCrumb, fields: &Fields) {
    let options = client.options();
    let limit = options.max_breadcrumbs;
    let Some(hook) = &options.before_breadcrumb else {
        return scopes.isolation().push_flat_breadcrumb(crumb, fields, limit);
    };
    // A layer is called in the middle of the dispatcher, which then does not say which span is current.
    let _entered = Arc::new(Scopes::clone(scopes)).attach();
    let kept: Option<Breadcrumb> = kept(|| hook(breadcrumbs::make(crumb, fields.iter())));
    match kept {
        Some(breadcrumb) => scopes.isolation().push_breadcrumb(breadcrumb, limit),
        None => hints::breadcrumb_dropped(),
    }
}

/// What comes of something that the program has a say in: a panic costs this one alone. To be called muted, because a hook or a printed value
/// that logs would be asked about its own breadcrumb, for ever.
pub(crate) fn kept<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    unharmed(work).unwrap_or_else(|| {
        crate::debug!("before_breadcrumb, or printing a value, panicked: what was heard was dropped");
        None
    })
}
