//! The language and the time zone that the process was started with.

use std::path::PathBuf;

use watchpost_protocol::CultureContext;

/// What the environment says; `zone_file` is what the system's own zone is a link to. `None` if nobody says anything.
pub(super) fn of(
    variable: &dyn Fn(&str) -> Option<String>,
    zone_file: Option<PathBuf>,
) -> Option<CultureContext> {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| variable(name));
    let locale = locale.and_then(|locale| language(&locale));
    let zone = variable("TZ").map(|zone| zone.trim_start_matches(':').to_owned());
    let timezone = zone.filter(|zone| !zone.is_empty()).or_else(|| zone_name(zone_file?));
    (locale.is_some() || timezone.is_some()).then(|| CultureContext {
        locale,
        timezone,
        ..Default::default()
    })
}

pub(super) fn zone_file() -> Option<PathBuf> {
    std::fs::read_link("/etc/localtime").ok()
}

/// `de_AT.UTF-8@euro` as `de-AT`; `C` and `POSIX` are no language.
fn language(locale: &str) -> Option<String> {
    let name = locale.split(['.', '@']).next()?;
    (!matches!(name, "" | "C" | "POSIX")).then(|| name.replace('_', "-"))
}

/// `/usr/share/zoneinfo/Europe/Vienna` as `Europe/Vienna`.
fn zone_name(file: PathBuf) -> Option<String> {
    let file = file.to_str()?;
    file.split_once("zoneinfo/").map(|(_, zone)| zone.trim_start_matches("posix/").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn culture(variables: &[(&str, &str)], file: Option<&str>) -> Option<(Option<String>, Option<String>)> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        of(&variable, file.map(PathBuf::from)).map(|culture| (culture.locale, culture.timezone))
    }

    #[test]
    fn what_the_environment_says() {
        let some = |text: &str| Some(text.to_owned());
        let vienna = Some("/usr/share/zoneinfo/Europe/Vienna");
        assert_eq!(culture(&[("LANG", "de_AT.UTF-8")], vienna), Some((some("de-AT"), some("Europe/Vienna"))));
        assert_eq!(culture(&[("LANG", "de"), ("LC_ALL", "fr_FR@euro")], None), Some((some("fr-FR"), None)));
        assert_eq!(culture(&[("TZ", ":UTC"), ("LANG", "C.UTF-8")], vienna), Some((None, some("UTC"))));
        assert_eq!(culture(&[("LANG", "POSIX")], Some("/etc/elsewhere")), None);
    }
}
