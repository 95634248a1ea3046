//! What a user or guild has bought of an application.

use super::Snowflake;
use super::table::{codes, object};

codes! {
    /// How an entitlement came about.
    pub enum EntitlementKind {
        /// Bought by the user.
        Purchase = 1,
        /// Comes with the platform's subscription.
        PremiumSubscription = 2,
        /// Given by the developer.
        DeveloperGift = 3,
        /// Bought by a developer as a test.
        TestModePurchase = 4,
        /// Taken while it was free.
        FreePurchase = 5,
        /// Given by another user.
        UserGift = 6,
        /// Taken for free by a subscriber of the platform.
        PremiumPurchase = 7,
        /// Bought as a subscription to the application.
        ApplicationSubscription = 8,
    }
}

object! {
    /// What a user or guild has bought of an application (documentation: entitlement resource).
    pub struct Entitlement {
        /// The entitlement's id.
        id: Snowflake,
        /// What was bought.
        sku_id: Snowflake,
    }
    optional {
        /// The application.
        application_id: Snowflake,
        /// The user who has it.
        user_id: Snowflake,
        /// The guild that has it.
        guild_id: Snowflake,
        /// How it came about.
        #[serde(rename = "type")]
        kind: EntitlementKind,
        /// Whether it is gone.
        deleted: bool,
        /// From when it holds, ISO 8601.
        starts_at: String,
        /// Until when it holds, ISO 8601.
        ends_at: String,
        /// Whether it was used up.
        consumed: bool,
    }
}
