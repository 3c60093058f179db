//! The ids the marketplace's debugging page and its mock orders use. They are published, so nobody ever owns them.

/// The order id the debugging page fills in.
pub const DEBUG_ORDER_ID: &str = "CS1906666666ABCDE";
/// The product id the debugging page fills in.
pub const DEBUG_PRODUCT_ID: &str = "00301-666666-0--0";
/// The instance ids the debugging page fills in; both spellings occur.
pub const DEBUG_INSTANCE_IDS: [&str; 2] = ["huaiweitest123456", "huaweitest123456"];
/// Every mock order of the marketplace's order query starts like this (`MOCKPERIODYEARNEW`, …).
const MOCK_ORDER_PREFIX: &str = "MOCK";

/// Whether an order id is one of the published debug or mock ids.
pub fn is_debug_order_id(order_id: &str) -> bool {
    order_id == DEBUG_ORDER_ID
        || order_id.strip_prefix(MOCK_ORDER_PREFIX).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
}

/// Whether an instance id is one of the published debug ids.
pub fn is_debug_instance_id(instance_id: &str) -> bool {
    DEBUG_INSTANCE_IDS.contains(&instance_id)
}

/// Whether a product id is the published debug id.
pub fn is_debug_product_id(product_id: &str) -> bool {
    product_id == DEBUG_PRODUCT_ID
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_ids_are_known_and_others_are_not() {
        for id in ["CS1906666666ABCDE", "MOCKPERIODYEARNEW", "MOCKONDEMAND", "MOCKMONTYTRIALTOFORMAL"] {
            assert!(is_debug_order_id(id), "{id}");
        }
        for id in ["", "CS1906666666ABCDF", "cs1906666666abcde", "MOCK", "mockondemand", "XMOCKONDEMAND", "MOCK-1"] {
            assert!(!is_debug_order_id(id), "{id}");
        }
        assert!(is_debug_instance_id("huaiweitest123456") && is_debug_instance_id("huaweitest123456"));
        assert!(!is_debug_instance_id("huaweitest1234567") && !is_debug_instance_id(""));
        assert!(is_debug_product_id("00301-666666-0--0") && !is_debug_product_id("00301-666666-0--1"));
    }
}
