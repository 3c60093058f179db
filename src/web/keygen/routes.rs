//! The one list of what is covered.

use axum::http::Method;

use super::{answer::Answer, call::Call, checkouts, error::Fault, licenses, machines, validations};

macro_rules! routes {
    ($($name:ident $method:ident $path:literal;)*) => {
        /// What can be asked.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Endpoint {
            $(#[doc = $path] $name,)*
        }

        /// Every route: its method, its address below the product's, and what it asks.
        pub const ROUTES: &[(Method, &str, Endpoint)] = &[$((Method::$method, $path, Endpoint::$name),)*];
    };
}

routes! {
    Ping GET "ping";
    Me GET "me";
    ValidateKey POST "licenses/actions/validate-key";
    Validate POST "licenses/{license}/actions/validate";
    QuickValidate GET "licenses/{license}/actions/validate";
    CheckOutLicense POST "licenses/{license}/actions/check-out";
    DownloadLicense GET "licenses/{license}/actions/check-out";
    ShowLicense GET "licenses/{license}";
    LicenseMachines GET "licenses/{license}/machines";
    LicenseEntitlements GET "licenses/{license}/entitlements";
    LicenseEntitlement GET "licenses/{license}/entitlements/{entitlement}";
    LicensePolicy GET "licenses/{license}/policy";
    CreateMachine POST "machines";
    ListMachines GET "machines";
    ShowMachine GET "machines/{machine}";
    ChangeMachine PATCH "machines/{machine}";
    DeleteMachine DELETE "machines/{machine}";
    PingMachine POST "machines/{machine}/actions/ping";
    ResetMachine POST "machines/{machine}/actions/reset";
    CheckOutMachine POST "machines/{machine}/actions/check-out";
    DownloadMachine GET "machines/{machine}/actions/check-out";
    MachineComponents GET "machines/{machine}/components";
}

/// What the contract has beside that: the first part of the address.
pub const KNOWN: &[&str] = &[
    "accounts",
    "actions",
    "analytics",
    "arches",
    "artifacts",
    "billing",
    "channels",
    "components",
    "constraints",
    "engines",
    "entitlements",
    "environments",
    "event-logs",
    "groups",
    "keys",
    "licenses",
    "machines",
    "me",
    "metrics",
    "packages",
    "passwords",
    "ping",
    "plan",
    "platforms",
    "policies",
    "processes",
    "products",
    "profile",
    "releases",
    "request-logs",
    "search",
    "settings",
    "stats",
    "tokens",
    "users",
    "webhook-endpoints",
    "webhook-events",
];

/// Whether only who shows a license or a token is answered.
pub fn needs_guest(endpoint: Endpoint) -> bool {
    !matches!(endpoint, Endpoint::Ping | Endpoint::ValidateKey)
}

/// Finds what is asked, and what stands in the address where the route has a name.
///
/// # Errors
/// 404: not covered, or not there at all.
pub fn find(method: &Method, segments: &[String]) -> Result<(Endpoint, Vec<String>), Fault> {
    // RFC 9110, section 9.3.2: as GET, without the body.
    let asked = if *method == Method::HEAD { &Method::GET } else { method };
    for (known, template, endpoint) in ROUTES {
        if known == asked
            && let Some(names) = names(template, segments)
        {
            return Ok((*endpoint, names));
        }
    }
    let path = segments.join("/");
    match segments.first() {
        Some(first) if KNOWN.contains(&first.as_str()) => Err(Fault::not_supported(&format!("{method} {path}"))),
        _ => Err(Fault::not_found(format!("There is nothing at {path}."))),
    }
}

fn names(template: &str, segments: &[String]) -> Option<Vec<String>> {
    let parts: Vec<&str> = template.split('/').collect();
    if parts.len() != segments.len() {
        return None;
    }
    let mut names = Vec::new();
    for (part, segment) in parts.into_iter().zip(segments) {
        if part.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            names.push(segment.clone());
        } else if part != segment {
            return None;
        }
    }
    // An action is no name: `licenses/actions/validate-key` asks for none.
    (names.first().map(String::as_str) != Some("actions")).then_some(names)
}

/// Carries out what is asked.
///
/// # Errors
/// Whatever stands against it.
pub async fn answer(endpoint: Endpoint, call: &Call) -> Result<Answer, Fault> {
    match endpoint {
        Endpoint::Ping => Ok(licenses::ping()),
        Endpoint::Me => licenses::me(call).await,
        Endpoint::ValidateKey => validations::by_key(call).await,
        Endpoint::Validate => validations::of_license(call).await,
        Endpoint::QuickValidate => validations::quick(call).await,
        Endpoint::CheckOutLicense => checkouts::license(call).await,
        Endpoint::DownloadLicense => checkouts::license_text(call).await,
        Endpoint::ShowLicense => licenses::show(call).await,
        Endpoint::LicenseMachines => machines::of_license(call).await,
        Endpoint::LicenseEntitlements => licenses::entitlements(call).await,
        Endpoint::LicenseEntitlement => licenses::entitlement(call).await,
        Endpoint::LicensePolicy => licenses::policy(call).await,
        Endpoint::CreateMachine => machines::create(call).await,
        Endpoint::ListMachines => machines::list(call).await,
        Endpoint::ShowMachine => machines::show(call).await,
        Endpoint::ChangeMachine => machines::change(call).await,
        Endpoint::DeleteMachine => machines::delete(call).await,
        Endpoint::PingMachine => machines::ping(call).await,
        Endpoint::ResetMachine => machines::reset(call).await,
        Endpoint::CheckOutMachine => checkouts::machine(call).await,
        Endpoint::DownloadMachine => checkouts::machine_text(call).await,
        Endpoint::MachineComponents => machines::components(call).await,
    }
}
