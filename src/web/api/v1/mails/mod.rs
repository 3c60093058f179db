//! Mail: what was sent, what it looks like, and where the holders of licenses read it.

pub mod contact;
pub mod list;
pub mod preview;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::App;

/// The addresses of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list::list_mails)).routes(routes!(preview::preview_mail)).routes(routes!(
        contact::get_contact,
        contact::set_contact,
        contact::delete_contact
    ))
}
