//! Names and operations that are made of attributes: `{http.request.method} {http.route}`.

use std::borrow::Cow;

use super::attributes::Attributes;

/// The text with the values of the attributes that it names. `None` if one of them is missing.
pub(crate) fn render<'a>(template: &'static str, attributes: &impl Attributes<'a>) -> Option<Cow<'a, str>> {
    if !template.contains('{') {
        return Some(Cow::Borrowed(template));
    }
    if let Some(key) = template.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
        && !key.contains('}')
    {
        return Some(match attributes.text(key)? {
            Cow::Borrowed(value) => Cow::Borrowed(shown(key, value)),
            Cow::Owned(value) => Cow::Owned(shown(key, &value).to_owned()),
        });
    }
    let mut rendered = String::new();
    let mut rest = template;
    while let Some((text, (key, after))) =
        rest.split_once('{').and_then(|(text, rest)| Some((text, rest.split_once('}')?)))
    {
        rendered.push_str(text);
        rendered.push_str(shown(key, &attributes.text(key)?));
        rest = after;
    }
    rendered.push_str(rest);
    Some(Cow::Owned(rendered))
}

/// A URL in a name is without its query and fragment, which differ each time and may say too much (`protocol.md` §18.2).
fn shown<'a>(key: &str, value: &'a str) -> &'a str {
    let value = value.trim();
    if !key.starts_with("url.") {
        return value;
    }
    value.split(['?', '#']).next().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use watchpost_core::layer::SpanData;

    use super::*;

    #[test]
    fn a_name_is_made_only_if_everything_in_it_is_known() {
        let mut data = SpanData::default();
        data.insert("http.request.method", "GET");
        data.insert("url.full", "https://shop.example/carts?token=1#top");
        data.insert("server.port", 8080);
        data.insert("empty", "");
        let rendered = |template| render(template, &data);
        assert_eq!(
            rendered("{http.request.method} {url.full}").as_deref(),
            Some("GET https://shop.example/carts")
        );
        assert_eq!(rendered(":{server.port}!").as_deref(), Some(":8080!"));
        assert_eq!(rendered("{http.request.method} {http.route}"), None);
        assert_eq!(rendered("{url.full}").as_deref(), Some("https://shop.example/carts"));
        assert_eq!(rendered("{server.port}").as_deref(), Some("8080"));
        assert_eq!(rendered("{empty}"), None);
        assert!(matches!(rendered("db"), Some(Cow::Borrowed("db"))));
    }
}
