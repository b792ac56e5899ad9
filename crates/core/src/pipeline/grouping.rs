//! What makes an issue of its own of an error that looks to the server like another (features E17).

use watchpost_protocol::{Event, FINGERPRINT_DEFAULT};

use super::EventTrace;
use crate::errors::is_unnamed;
use crate::merge::Layers;

/// So many words tell an error from others.
const WORDS: usize = 20;

/// Errors whose type nobody knows are all of one type to the server, and of one place if one function reports them: their words tell them
/// apart. Words with digits in them tell cases apart, and are left out.
pub(super) fn by_words(event: &mut Event) {
    if !event.fingerprint.is_empty() {
        return;
    }
    let unnamed = event.exception.last().filter(|exception| is_unnamed(exception));
    if let Some(words) = unnamed.and_then(|exception| exception.value.as_deref()) {
        let words = words.split_whitespace().map(|word| if is_case(word) { "*" } else { word });
        let words = words.take(WORDS).collect::<Vec<_>>().join(" ");
        event.fingerprint = vec![FINGERPRINT_DEFAULT.into(), words.into()];
    }
}

/// A failure that is no error, as an answer with a status, has no stack: the server would take those of all routes for one. Where it happened tells
/// them apart, which is the name of its transaction; without what tells cases apart, if that is no route but a path.
pub(crate) fn by_place(event: &mut Event, layers: &Layers, trace: &EventTrace) {
    let scopes = [&layers.current.data, &layers.isolation.data, &layers.global.data];
    if !event.fingerprint.is_empty() || scopes.iter().any(|data| data.fingerprint.is_some()) {
        return;
    }
    let set = scopes.iter().find_map(|data| Some(&data.transaction.as_ref()?.0));
    if let Some(name) = set.or(trace.transaction.as_ref()) {
        event.fingerprint = vec![FINGERPRINT_DEFAULT.into(), without_cases(name).into()];
    }
}

/// `GET /orders/17` as `GET /orders/*`; what is told apart by a version stays: `/v2/orders`, `/shop.v1.Carts/Get`.
fn without_cases(name: &str) -> String {
    let parts = name.split_inclusive(['/', '.', ' ']).map(|part| {
        let (word, end) = part.split_at(part.trim_end_matches(['/', '.', ' ']).len());
        [if is_case(word) && !is_numbered(word) { "*" } else { word }, end]
    });
    parts.flatten().collect()
}

fn is_case(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

/// A name with a number behind it, as `v2` and `oauth2`.
fn is_numbered(word: &str) -> bool {
    let name = word.trim_end_matches(|char: char| char.is_ascii_digit());
    !name.is_empty() && !is_case(name) && !name.contains(['-', '_']) && word.len() - name.len() <= 2
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::Exception;

    use super::*;

    fn fingerprint_of(ty: &str, module: Option<&str>, value: &str) -> String {
        let exception = Exception {
            ty: Some(ty.to_owned()),
            value: Some(value.to_owned()),
            module: module.map(str::to_owned),
            ..Exception::default()
        };
        let mut event = Event::default();
        event.exception.push(exception);
        by_words(&mut event);
        event.fingerprint.join("|")
    }

    #[test]
    fn a_place_is_a_route_or_a_path_without_its_cases() {
        for (name, place) in [
            ("GET /orders/{id}", "GET /orders/{id}"),
            ("GET /api/v2/orders/{order_id}", "GET /api/v2/orders/{order_id}"),
            ("/shop.v1.Carts/Get", "/shop.v1.Carts/Get"),
            ("POST /oauth2/token", "POST /oauth2/token"),
            ("GET /orders/17/invoice-17.pdf", "GET /orders/*/*.pdf"),
            ("GET /orders/0af76519-16cd-43dd-8448-eb211c80319c", "GET /orders/*"),
            ("GET /users/a1b2c3", "GET /users/*"),
            ("", ""),
        ] {
            assert_eq!(without_cases(name), place);
        }
    }

    #[test]
    fn words_tell_apart_what_has_no_type() {
        assert_eq!(fingerprint_of("Error", None, "no order 17 of a1"), "{{ default }}|no order * of *");
        assert_eq!(fingerprint_of("shop::Error", Some("shop"), "no order 17"), "");
        assert_eq!(fingerprint_of("Error", Some("shop"), "no order 17"), "");
        assert_eq!(fingerprint_of("Declined", None, "no order 17"), "");
    }
}
