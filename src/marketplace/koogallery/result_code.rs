//! The documented values of `resultCode`.

macro_rules! result_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $text:literal;)+) => {
        /// `resultCode` of an answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ResultCode { $($(#[$doc])* $variant,)+ }

        impl ResultCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The six digits.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What `resultMsg` says when there is nothing better to say.
            pub fn default_text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

result_codes! {
    /// Done, and on disk.
    Success = "000000", "success.";
    /// Token, signature, clock or nonce do not hold.
    AuthenticationFailed = "000001", "Authentication failed.";
    /// A parameter is missing, too long or unknown.
    IllegalParameter = "000002", "A request parameter is not valid.";
    /// Unknown instance id or license code.
    NoSuchInstance = "000003", "The instance ID does not exist.";
    /// Accepted; the work goes on.
    InProgress = "000004", "The request is being processed.";
    /// Anything else.
    InternalError = "000005", "Internal error.";
    /// The pool is empty.
    NoResource = "000100", "No instance resource is available.";
    /// SaaS: mobile number missing or used.
    MobileUnavailable = "000101", "The mobile number is missing or already in use.";
    /// SaaS: e-mail address missing or used.
    EmailUnavailable = "000102", "The e-mail address is missing or already in use.";
    /// SaaS: bought before.
    AlreadyPurchased = "000103", "The product was already purchased.";
    /// SaaS: the service behind has failed.
    ServiceError = "000104", "Internal service error.";
    /// SaaS: the account has a subscription.
    AlreadySubscribed = "000105", "The account is already subscribed.";
    /// SaaS: nothing left to sell.
    SoldOut = "000106", "Sold out.";
    /// SaaS: the mail domain is taken.
    MailDomainExists = "000107", "The mail domain already exists.";
    /// Device licenses: the order's quantity is used up.
    QuotaInsufficient = "000900", "The license quota of the current order is not sufficient.";
    /// Device licenses: outside the order's validity.
    OutsideValidity = "000901", "Licenses can be applied for only within the validity period of the order.";
    /// Device licenses: a period license needs its end.
    EndDateNeeded = "000902", "A period license needs an end date.";
    /// Device licenses: no fingerprint.
    FingerprintNeeded = "000903", "A device fingerprint is needed.";
}
