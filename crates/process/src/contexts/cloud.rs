//! Where the process runs, as far as its environment says so: nothing is asked over the network (`protocol.md` §5.6).

use watchpost_protocol::{Map, Value};

/// A platform: the variable by which it is known, its provider, its name, and the variables that name the region.
struct Platform {
    known_by: &'static str,
    provider: &'static str,
    name: &'static str,
    regions: &'static [&'static str],
}

/// The table; the first that is known holds. The names are those of OpenTelemetry's conventions.
const PLATFORMS: &[Platform] = &[
    aws("AWS_LAMBDA_FUNCTION_NAME", "aws_lambda"),
    aws("ECS_CONTAINER_METADATA_URI_V4", "aws_ecs"),
    aws("ECS_CONTAINER_METADATA_URI", "aws_ecs"),
    aws("AWS_EXECUTION_ENV", ""),
    gcp("FUNCTION_TARGET", "gcp_cloud_functions"),
    gcp("K_CONFIGURATION", "gcp_cloud_run"),
    gcp("CLOUD_RUN_JOB", "gcp_cloud_run"),
    gcp("GAE_SERVICE", "gcp_app_engine"),
    azure("FUNCTIONS_WORKER_RUNTIME", "azure_functions"),
    azure("WEBSITE_SITE_NAME", "azure_app_service"),
    azure("CONTAINER_APP_NAME", "azure_container_apps"),
];

const fn aws(known_by: &'static str, name: &'static str) -> Platform {
    Platform { known_by, provider: "aws", name, regions: &["AWS_REGION", "AWS_DEFAULT_REGION"] }
}

const fn gcp(known_by: &'static str, name: &'static str) -> Platform {
    Platform {
        known_by,
        provider: "gcp",
        name,
        regions: &["GOOGLE_CLOUD_REGION", "CLOUD_RUN_REGION", "FUNCTION_REGION"],
    }
}

const fn azure(known_by: &'static str, name: &'static str) -> Platform {
    Platform { known_by, provider: "azure", name, regions: &["REGION_NAME"] }
}

/// The context `cloud_resource`; `None` if nothing says that there is a cloud.
pub(super) fn of(variable: &dyn Fn(&str) -> Option<String>) -> Option<Value> {
    let platform = PLATFORMS.iter().find(|platform| variable(platform.known_by).is_some())?;
    let mut context = Value::Object(Map::new());
    let mut set = |key: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            context[key] = value.into();
        }
    };
    set("cloud.provider", Some(platform.provider.to_owned()));
    set("cloud.platform", Some(platform.name.to_owned()));
    set("cloud.region", platform.regions.iter().find_map(|region| variable(region)));
    if platform.provider == "gcp" {
        set("cloud.account.id", variable("GOOGLE_CLOUD_PROJECT"));
    }
    Some(context)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cloud(variables: &[(&str, &str)]) -> Value {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        of(&variable).unwrap_or_default()
    }

    #[test]
    fn a_platform_is_known_by_its_variables() {
        assert_eq!(
            cloud(&[
                ("AWS_LAMBDA_FUNCTION_NAME", "pay"),
                ("AWS_EXECUTION_ENV", "AWS_Lambda_rust"),
                ("AWS_REGION", "eu-central-1")
            ]),
            json!({ "cloud.provider": "aws", "cloud.platform": "aws_lambda", "cloud.region": "eu-central-1" })
        );
        assert_eq!(
            cloud(&[("K_CONFIGURATION", "shop"), ("GOOGLE_CLOUD_PROJECT", "p-1")]),
            json!({ "cloud.provider": "gcp", "cloud.platform": "gcp_cloud_run", "cloud.account.id": "p-1" })
        );
        assert_eq!(
            cloud(&[("WEBSITE_SITE_NAME", "shop"), ("REGION_NAME", "West Europe")]),
            json!({ "cloud.provider": "azure", "cloud.platform": "azure_app_service", "cloud.region": "West Europe" })
        );
        assert_eq!(cloud(&[("AWS_EXECUTION_ENV", "other")]), json!({ "cloud.provider": "aws" }));
    }

    #[test]
    fn credentials_of_a_cloud_on_a_desk_are_no_cloud() {
        assert_eq!(
            cloud(&[("AWS_REGION", "eu-central-1"), ("AWS_PROFILE", "me"), ("GOOGLE_CLOUD_PROJECT", "p")]),
            json!(null)
        );
    }
}
