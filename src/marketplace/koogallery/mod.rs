//! KooGallery (云商店): authentication, parsing and answers of the production interface, V1 and V2.
