//! Flags that are evaluated through OpenFeature.

use open_feature::{
    EvaluationContext, EvaluationDetails, EvaluationError, Hook, HookContext, HookHints, Value, async_trait,
};

/// A hook for OpenFeature: each flag that is evaluated is told of as by [`add_feature_flag`](crate::add_feature_flag), so that it is on the errors
/// that come after it. Of a flag whose evaluation fails nothing is told.
///
/// Flags are switches, numbers and texts; lists and structures are left out. It needs the feature `open-feature`.
///
/// ```
/// # async fn start() {
/// open_feature::OpenFeature::singleton_mut().await.add_hook(watchpost::OpenFeatureHook).await;
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenFeatureHook;

#[async_trait]
impl Hook for OpenFeatureHook {
    async fn before<'a>(
        &self,
        _: &HookContext<'a>,
        _: Option<&'a HookHints>,
    ) -> Result<Option<EvaluationContext>, EvaluationError> {
        Ok(None)
    }

    async fn after<'a>(
        &self,
        _: &HookContext<'a>,
        details: &EvaluationDetails<Value>,
        _: Option<&'a HookHints>,
    ) -> Result<(), EvaluationError> {
        tell(&details.flag_key, &details.value);
        Ok(())
    }

    // What the program goes on with is not known here: the evaluation hands it the error.
    async fn error<'a>(&self, _: &HookContext<'a>, _: &EvaluationError, _: Option<&'a HookHints>) {}

    async fn finally<'a>(&self, _: &HookContext<'a>, _: &EvaluationDetails<Value>, _: Option<&'a HookHints>) {
    }
}

fn tell(flag: &str, value: &Value) {
    match value {
        Value::Bool(value) => crate::add_feature_flag(flag, *value),
        Value::Int(value) => crate::add_feature_flag(flag, *value),
        Value::Float(value) => crate::add_feature_flag(flag, *value),
        Value::String(value) => crate::add_feature_flag(flag, value.as_str()),
        Value::Array(_) | Value::Struct(_) => {}
    }
}
