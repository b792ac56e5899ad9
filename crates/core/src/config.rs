//! Options as a client uses them: resolved, checked, and shared.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use watchpost_protocol::{Dsn, SdkInfo, SdkPackage};

use crate::error::InitError;
use crate::integration::Integration;
use crate::options::Options;
use crate::sampling::SampleRate;
use crate::scrub::Rules;
use crate::unharmed::unharmed;

/// The name under which Watchpost reports.
pub const SDK_NAME: &str = "watchpost.rust";

/// What never changes in the life of a client.
pub(crate) struct Config {
    pub(crate) options: Options,
    pub(crate) dsn: Option<Dsn>,
    pub(crate) org_id: Option<String>,
    pub(crate) environment: Arc<str>,
    pub(crate) release: Option<Arc<str>>,
    pub(crate) dist: Option<Arc<str>>,
    pub(crate) server_name: Option<Arc<str>>,
    pub(crate) sample_rate: SampleRate,
    pub(crate) sdk: Arc<SdkInfo>,
    /// What is an attribute of every log and metric.
    pub(crate) attributes: Vec<(&'static str, String)>,
    /// In the order in which they run; one per identifier.
    pub(crate) integrations: Vec<Arc<dyn Integration>>,
    /// Whether anybody wants to see the spans of a transaction as the protocol has them.
    pub(crate) spans_are_read: bool,
    /// What must not leave the process; `None`: the program does not want anything taken out.
    pub(crate) scrub: Option<Rules>,
}

impl Config {
    /// Whether a value is not to stand under this key in a text that is made of fields.
    pub(crate) fn hides_in_text(&self, key: &str) -> bool {
        self.scrub.as_ref().is_some_and(|rules| rules.hides_in_text(key))
    }

    pub(crate) fn resolve(mut options: Options) -> Result<Arc<Self>, InitError> {
        options.fill_from_environment()?;
        let dsn = options.configured_dsn().cloned();
        let integrations = one_per_identifier(&options.integrations);
        let org_id = options.org_id.clone().or_else(|| dsn.as_ref()?.org_id().map(str::to_owned));
        let environment = options.configured_environment();
        let attributes = known([
            ("sentry.environment", Some(environment)),
            ("sentry.release", options.release.as_deref()),
            ("sentry.sdk.name", Some(SDK_NAME)),
            ("sentry.sdk.version", Some(env!("CARGO_PKG_VERSION"))),
            ("server.address", options.server_name.as_deref()),
        ]);
        Ok(Arc::new(Config {
            org_id,
            attributes,
            environment: environment.into(),
            release: options.release.as_deref().map(Into::into),
            dist: options.dist.as_deref().map(Into::into),
            server_name: options.server_name.as_deref().map(Into::into),
            sample_rate: options.sample_rate.unwrap_or(SampleRate::ALL),
            sdk: Arc::new(sdk(&integrations)),
            spans_are_read: spans_are_read(&options, &integrations),
            integrations,
            scrub: options.event_scrubber.as_ref().map(|scrubber| scrubber.rules(options.send_default_pii)),
            dsn,
            options,
        }))
    }

    /// Whether any trace could be sent.
    pub(crate) fn wants_traces(&self) -> bool {
        let options = &self.options;
        options.traces_sampler.is_some() || options.traces_sample_rate.is_some_and(|rate| rate.get() > 0.0)
    }

    /// What it comes to, in a line for the developer.
    pub(crate) fn summary(&self) -> Summary<'_> {
        Summary(self)
    }

    pub(crate) fn tracing_is_on(&self) -> bool {
        let on = self.options.traces_sample_rate.is_some() || self.options.traces_sampler.is_some();
        if !on {
            crate::hints::tracing_is_off();
        }
        on
    }
}

/// Where a client reports to, as what, and how much. Without the key of the DSN.
pub(crate) struct Summary<'a>(&'a Config);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { options, dsn, release, environment, sample_rate, .. } = self.0;
        match dsn {
            Some(dsn) => write!(f, "to {}, project {}", dsn.host(), dsn.project_id())?,
            None if options.console => f.write_str("to this terminal")?,
            None => f.write_str("to a transport of the program's own")?,
        }
        match release {
            Some(release) => write!(f, "; release {release}")?,
            None => f.write_str("; no release: no release health")?,
        }
        write!(f, "; environment {environment}")?;
        match (&options.traces_sampler, options.traces_sample_rate) {
            (Some(_), _) => f.write_str("; traces by traces_sampler")?,
            (None, Some(rate)) => write!(f, "; traces_sample_rate {}", rate.get())?,
            (None, None) => f.write_str("; no traces")?,
        }
        match &options.error_sampler {
            Some(_) => f.write_str("; errors by error_sampler"),
            None if sample_rate.get() < 1.0 => write!(f, "; sample_rate {}", sample_rate.get()),
            None => Ok(()),
        }
    }
}

/// What the client knows of everything that it sends.
fn known(attributes: [(&'static str, Option<&str>); 5]) -> Vec<(&'static str, String)> {
    attributes.into_iter().filter_map(|(key, value)| Some((key, value?.to_owned()))).collect()
}

/// A later integration takes the place of an earlier one with its name.
fn one_per_identifier(given: &[Arc<dyn Integration>]) -> Vec<Arc<dyn Integration>> {
    let mut kept: Vec<Arc<dyn Integration>> = Vec::with_capacity(given.len());
    for integration in given {
        let same = kept.iter_mut().find(|other| other.identifier() == integration.identifier());
        match same {
            Some(earlier) => *earlier = Arc::clone(integration),
            None => kept.push(Arc::clone(integration)),
        }
    }
    kept
}

fn spans_are_read(options: &Options, integrations: &[Arc<dyn Integration>]) -> bool {
    let reads = |each: &Arc<dyn Integration>| unharmed(|| each.reads_spans()).unwrap_or(true);
    options.before_send_transaction.is_some()
        || !options.ignore_spans.is_empty()
        || integrations.iter().any(reads)
}

fn sdk(integrations: &[Arc<dyn Integration>]) -> SdkInfo {
    let version = env!("CARGO_PKG_VERSION");
    // Sorted, as the peers do it; to sort so few by anything better is 10 kB of code.
    let mut names: Vec<Cow<'static, str>> = Vec::with_capacity(integrations.len());
    for name in integrations.iter().map(|each| each.identifier()) {
        names.insert(names.partition_point(|known| **known < *name), name.into());
    }
    SdkInfo {
        name: SDK_NAME.into(),
        version: version.into(),
        integrations: names,
        packages: vec![SdkPackage {
            name: "cargo:watchpost".into(),
            version: version.into(),
            ..SdkPackage::default()
        }],
        ..SdkInfo::default()
    }
}
