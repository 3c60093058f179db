//! Alibaba Cloud Marketplace (阿里云云市场): its calls about instances of SaaS goods (SPI), and the answers it reads.
//!
//! * [`token`] says whether a call is the marketplace's
//! * [`call`] is what it asks for
//! * [`reply`] is what it is answered
//!
//! Every call is a GET whose query says everything. It carries no time, and its token stays good for ever: whoever has seen the
//! address of a call can send it again. That is harmless for what names an order, and tells the merchant of what does not
//! fit; the address belongs in no log all the same. Pure: a query and a key in, events and bytes out.

pub mod call;
pub mod reply;
pub mod token;

/// The parameters of a query, decoded, in the order in which they came.
pub type Parameters = Vec<(String, String)>;

/// Decodes a query as forms are.
pub fn parameters(query: &str) -> Parameters {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
