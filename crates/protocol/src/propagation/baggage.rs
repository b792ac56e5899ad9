//! The `baggage` header (`protocol.md` §8.3): a list that we share with others.

use crate::propagation::DynamicSamplingContext;

/// The limits of W3C: beyond them our own members are left out, never somebody else's.
const MAX_BYTES: usize = 8192;
const MAX_MEMBERS: usize = 64;

/// A `baggage` header, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baggage {
    /// Our members, decoded.
    pub dsc: DynamicSamplingContext,
    /// The members of others, as they were. They are never forwarded from one request to another.
    pub third_party: String,
}

impl Baggage {
    /// Takes a header apart. Members without `=` belong to nobody and are left out.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        Baggage { dsc: DynamicSamplingContext::from_baggage(header), third_party: third_party(header) }
    }
}

fn third_party(header: &str) -> String {
    let foreign = |member: &&str| member.contains('=') && !is_ours(member);
    header.split(',').map(str::trim).filter(foreign).collect::<Vec<_>>().join(",")
}

fn is_ours(member: &str) -> bool {
    member.trim_start().starts_with("sentry-")
}

/// The header without our members; the others stay as they are, spaces included.
#[must_use]
pub fn strip_sentry(header: &str) -> String {
    let kept: Vec<&str> = header.split(',').filter(|member| !is_ours(member)).collect();
    kept.join(",")
}

/// What to send where the program set a `baggage` already: its members, then ours, which replace those that were there.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol as protocol; }
/// use watchpost::protocol::propagation::{DynamicSamplingContext, merge_baggage};
///
/// let ours = DynamicSamplingContext::from_baggage("sentry-public_key=k1");
/// assert_eq!(merge_baggage(Some("team=x,sentry-release=old"), &ours), "team=x,sentry-public_key=k1");
/// ```
#[must_use]
pub fn merge_baggage(existing: Option<&str>, ours: &DynamicSamplingContext) -> String {
    let theirs = strip_sentry(existing.unwrap_or_default());
    let theirs = if theirs.contains('=') { theirs } else { String::new() };
    let ours = ours.to_baggage();
    if theirs.is_empty() || ours.is_empty() {
        return theirs + &ours;
    }
    let members = theirs.split(',').count() + ours.split(',').count();
    if theirs.len() + 1 + ours.len() > MAX_BYTES || members > MAX_MEMBERS {
        return theirs;
    }
    format!("{theirs},{ours}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_members_are_ours_and_the_others_are_left_alone() {
        let baggage = Baggage::parse("a=b;p=1, sentry-trace_id=0af7 ,sentry-sampled,junk,Sentry-x=y");
        assert_eq!(baggage.third_party, "a=b;p=1,Sentry-x=y");
        assert_eq!(baggage.dsc.get("trace_id"), Some("0af7"));
        assert_eq!(baggage.dsc.get("sampled"), None, "a member without = says nothing");
        assert_eq!(strip_sentry(" foo=bar, baz =  qux "), " foo=bar, baz =  qux ");
        assert_eq!(strip_sentry("  sentry-trace_id = 123  "), "");
    }

    #[test]
    fn beyond_the_limits_theirs_stay() {
        let ours = DynamicSamplingContext::from_baggage("sentry-a=1,sentry-b=2");
        let many = (0..63).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        assert_eq!(merge_baggage(Some(&many), &ours), many);
        let long = format!("k={}", "v".repeat(8190));
        assert_eq!(merge_baggage(Some(&long), &ours), long);
        assert_eq!(merge_baggage(Some(""), &ours), "sentry-a=1,sentry-b=2");
    }
}
