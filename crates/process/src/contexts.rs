//! What surrounds the program: the system, the machine, the compiler, the process.

mod cloud;
mod culture;
mod linux;

use std::path::Path;
use std::sync::OnceLock;
use std::time::SystemTime;

use watchpost_core::Integration;
use watchpost_protocol::{
    AppContext, Contexts, CultureContext, DeviceContext, Event, OsContext, RuntimeContext, Timestamp,
    Transaction, Value,
};

/// Adds the contexts `os`, `device`, `rust`, `app`, `culture` and `cloud_resource` to events and transactions; identifier `contexts`.
///
/// Only what is missing is added: a context that the program set, even in part, is left as it is. They are found out once, on the
/// worker, when the first event comes by.
///
/// | context | holds |
/// |---|---|
/// | `os` | name; on Linux the kernel's release and version and the distribution, on macOS the version |
/// | `device` | architecture and number of processors; on Linux memory, model and the processor's name |
/// | `rust` | the compiler's version and channel |
/// | `app` | the executable's name, and since when it has been watched |
/// | `culture` | the language of the environment, and the time zone, where they are set |
/// | `cloud_resource` | the provider, its platform and its region, where the environment names them |
///
/// Not done: nothing here tells persons or single machines apart (no serial numbers, no addresses), and nothing that changes is measured,
/// such as free memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct ContextIntegration;

impl Integration for ContextIntegration {
    fn identifier(&self) -> &'static str {
        "contexts"
    }

    fn setup_once(&self) {
        started();
    }

    fn reads_spans(&self) -> bool {
        false
    }

    fn process_event(&self, mut event: Event) -> Option<Event> {
        surroundings().add_to(&mut event.contexts);
        Some(event)
    }

    fn process_transaction(&self, mut transaction: Transaction) -> Option<Transaction> {
        surroundings().add_to(&mut transaction.contexts);
        Some(transaction)
    }
}

/// The machine's name in its network, for [`Options::server_name`](watchpost_core::Options::server_name). `None` if it has none or one
/// that is not text.
#[must_use]
pub fn server_name() -> Option<String> {
    let name = hostname::get().ok()?.into_string().ok()?;
    let name = name.trim();
    if name.is_empty() { None } else { Some(name.to_owned()) }
}

/// When the first client with this integration was made, which is as near to the start of the process as can be known everywhere.
fn started() -> Timestamp {
    static STARTED: OnceLock<Timestamp> = OnceLock::new();
    *STARTED.get_or_init(|| SystemTime::now().into())
}

struct Surroundings {
    os: OsContext,
    device: DeviceContext,
    rust: RuntimeContext,
    app: AppContext,
    culture: Option<CultureContext>,
    cloud: Option<Value>,
}

fn surroundings() -> &'static Surroundings {
    static FOUND: OnceLock<Surroundings> = OnceLock::new();
    FOUND.get_or_init(|| {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (culture, cloud) = (culture::of(&variable, culture::zone_file()), cloud::of(&variable));
        Surroundings { os: os(), device: device(), rust: rust(), app: app(), culture, cloud }
    })
}

impl Surroundings {
    fn add_to(&self, contexts: &mut Contexts) {
        if !contexts.has("os") {
            contexts.os = Some(self.os.clone());
        }
        if !contexts.has("device") {
            contexts.device = Some(self.device.clone());
        }
        if !contexts.has("rust") {
            contexts.rust = Some(self.rust.clone());
        }
        if !contexts.has("app") {
            contexts.app = Some(self.app.clone());
        }
        if !contexts.has("culture") {
            contexts.culture.clone_from(&self.culture);
        }
        if let Some(cloud) = &self.cloud {
            contexts.insert_default("cloud_resource", cloud);
        }
    }
}

fn os() -> OsContext {
    let name = match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "macOS",
        "windows" => "Windows",
        "ios" => "iOS",
        "android" => "Android",
        "freebsd" => "FreeBSD",
        other => other,
    };
    let release = linux::os_release();
    OsContext {
        name: Some(name.into()),
        version: linux::line("/proc/sys/kernel/osrelease").or_else(macos_version),
        kernel_version: linux::line("/proc/sys/kernel/version"),
        distribution_name: linux::assignment(&release, "ID"),
        distribution_version: linux::assignment(&release, "VERSION_ID"),
        distribution_pretty_name: linux::assignment(&release, "PRETTY_NAME"),
        ..OsContext::default()
    }
}

fn macos_version() -> Option<String> {
    if cfg!(not(target_os = "macos")) {
        return None;
    }
    plist_version(&linux::text("/System/Library/CoreServices/SystemVersion.plist"))
}

/// `<key>ProductVersion</key> <string>15.1</string>`.
fn plist_version(plist: &str) -> Option<String> {
    let (_, rest) = plist.split_once("<key>ProductVersion</key>")?;
    let (_, rest) = rest.split_once("<string>")?;
    rest.split_once("</string>").map(|(version, _)| version.to_owned())
}

fn device() -> DeviceContext {
    let processors = linux::text("/proc/cpuinfo");
    DeviceContext {
        arch: Some(std::env::consts::ARCH.into()),
        processor_count: std::thread::available_parallelism().ok().map(|count| count.get() as u64),
        memory_size: linux::memory(&linux::text("/proc/meminfo")),
        model: linux::line("/sys/devices/virtual/dmi/id/product_name"),
        cpu_description: linux::entry(&processors, "model name").map(str::to_owned),
        ..DeviceContext::default()
    }
}

/// `build.rs` asked the compiler.
fn rust() -> RuntimeContext {
    RuntimeContext {
        ty: Some("runtime".into()),
        name: Some("rustc".into()),
        version: option_env!("WATCHPOST_RUSTC_VERSION").map(Into::into),
        channel: option_env!("WATCHPOST_RUSTC_CHANNEL").map(Into::into),
        ..RuntimeContext::default()
    }
}

fn app() -> AppContext {
    let executable = std::env::current_exe().ok();
    let name = executable.as_deref().and_then(Path::file_stem);
    AppContext {
        app_name: name.map(|name| name.to_string_lossy().into_owned()),
        app_start_time: Some(started().to_rfc3339()),
        ..AppContext::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surroundings_are_known() {
        let event = ContextIntegration.process_event(Event::default()).unwrap();
        let contexts = event.contexts;
        let (os, device, rust, app) =
            (contexts.os.unwrap(), contexts.device.unwrap(), contexts.rust.unwrap(), contexts.app.unwrap());
        assert!(os.name.is_some());
        assert_eq!(device.arch.as_deref(), Some(std::env::consts::ARCH));
        assert!(device.processor_count.is_some_and(|count| count > 0));
        assert_eq!(rust.name.as_deref(), Some("rustc"));
        assert!(rust.version.is_some_and(|version| version.starts_with("1.")));
        assert!(
            rust.channel.is_some_and(|channel| ["stable", "beta", "nightly", "dev"].contains(&&*channel))
        );
        assert!(app.app_name.is_some_and(|name| name.starts_with("watchpost_process")));
        assert!(app.app_start_time.is_some());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_says_more() {
        let surroundings = surroundings();
        assert_eq!(surroundings.os.name.as_deref(), Some("Linux"));
        assert!(surroundings.os.version.is_some());
        assert!(surroundings.os.kernel_version.is_some());
        assert!(surroundings.device.memory_size.is_some_and(|bytes| bytes > 1 << 20));
    }

    #[test]
    fn what_the_program_says_is_left_alone() {
        let mut transaction = Transaction::default();
        transaction.contexts.device =
            Some(DeviceContext { model: Some("till".into()), ..DeviceContext::default() });
        let contexts = ContextIntegration.process_transaction(transaction).unwrap().contexts;
        let device = contexts.device.unwrap();
        assert_eq!((device.model.as_deref(), device.arch), (Some("till"), None));
        assert!(contexts.os.is_some());
    }

    #[test]
    fn macos_says_its_version_in_a_list() {
        let plist = "<dict>\n<key>ProductName</key>\n<string>macOS</string>\n<key>ProductVersion</key>\n\t<string>15.1</string>";
        assert_eq!(plist_version(plist).as_deref(), Some("15.1"));
        assert_eq!(plist_version("<key>ProductVersion</key>"), None);
    }

    #[test]
    fn the_machine_has_a_name() {
        assert!(server_name().is_none_or(|name| !name.is_empty() && name.trim() == name));
    }
}
