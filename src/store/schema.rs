//! The tables as diesel sees them, written by hand; a test compares them with both live databases.
//!
//! Times are microseconds since the UNIX epoch, ids and enums are text, JSON is text.

diesel::table! {
    meta (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    signing_keys (kid) {
        kid -> Text,
        product -> Text,
        role -> Text,
        state -> Text,
        public_key -> Binary,
        sealed_seed -> Nullable<Binary>,
        created_at -> BigInt,
        changed_at -> BigInt,
    }
}

diesel::table! {
    key_lists (product, number) {
        product -> Text,
        number -> BigInt,
        jws -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    catalogs (revision) {
        revision -> BigInt,
        body -> Text,
        applied_at -> BigInt,
    }
}

diesel::table! {
    licenses (id) {
        id -> Text,
        product -> Text,
        plan -> Text,
        channel -> Nullable<Text>,
        instance_id -> Nullable<Text>,
        state -> Text,
        released -> Bool,
        marketplace_hold -> Bool,
        violation -> Bool,
        merchant_hold -> Bool,
        status_signed_at -> Nullable<BigInt>,
        expiry_kind -> Text,
        expiry_guessed -> Bool,
        expires_at -> Nullable<BigInt>,
        machines -> BigInt,
        features -> Text,
        quantity -> Nullable<BigInt>,
        trial -> Bool,
        device -> Nullable<Text>,
        customer_id -> Nullable<Text>,
        customer_name -> Nullable<Text>,
        rev -> BigInt,
        key_lookup -> Binary,
        key_sealed -> Binary,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    license_codes (license_id, rev) {
        license_id -> Text,
        rev -> BigInt,
        kid -> Text,
        payload -> Text,
        sealed_signature -> Binary,
        issued_at -> BigInt,
    }
}

diesel::table! {
    device_codes (id) {
        id -> Text,
        license_id -> Text,
        event_id -> Text,
        fingerprint_digest -> Text,
        kid -> Text,
        payload -> Text,
        sealed_signature -> Binary,
        effective_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        issued_at -> BigInt,
    }
}

diesel::table! {
    device_uploads (device_code_id) {
        device_code_id -> Text,
        tries -> BigInt,
        next_at -> Nullable<BigInt>,
        delivered_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    orders (id) {
        id -> Text,
        channel -> Nullable<Text>,
        identity -> Text,
        kind -> Text,
        order_id -> Text,
        line_id -> Nullable<Text>,
        product_id -> Nullable<Text>,
        sku_code -> Nullable<Text>,
        instance_id -> Nullable<Text>,
        license_id -> Nullable<Text>,
        status -> Text,
        quantity -> Nullable<BigInt>,
        details -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    deferred_events (id) {
        id -> Text,
        channel -> Text,
        subject -> Text,
        event -> Text,
        signed_at -> BigInt,
        received_at -> BigInt,
    }
}

diesel::table! {
    nonces (channel, nonce) {
        channel -> Text,
        nonce -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    messages (id) {
        id -> Text,
        channel -> Text,
        received_at -> BigInt,
        transport -> Text,
        activity -> Nullable<Text>,
        order_id -> Nullable<Text>,
        instance_id -> Nullable<Text>,
        license_id -> Nullable<Text>,
        debug -> Bool,
        result_code -> Text,
        result_msg -> Text,
        change -> Nullable<Text>,
        duration_us -> BigInt,
        request -> Text,
    }
}

diesel::table! {
    alerts (id) {
        id -> Text,
        kind -> Text,
        channel -> Nullable<Text>,
        license_id -> Nullable<Text>,
        order_id -> Nullable<Text>,
        detail -> Text,
        created_at -> BigInt,
        resolved_at -> Nullable<BigInt>,
        resolved_by -> Nullable<Text>,
        dedupe -> Text,
    }
}

diesel::table! {
    history (id) {
        id -> Text,
        license_id -> Text,
        at -> BigInt,
        actor -> Text,
        event -> Text,
        detail -> Text,
    }
}

diesel::table! {
    tokens (id) {
        id -> Text,
        name -> Text,
        hash -> Binary,
        scopes -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        product -> Nullable<Text>,
    }
}

diesel::table! {
    idempotency_keys (token_id, key) {
        token_id -> Text,
        key -> Text,
        request_hash -> Binary,
        status -> BigInt,
        content_type -> Nullable<Text>,
        body -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    redemptions (id) {
        id -> Text,
        channel -> Text,
        status -> Text,
        sealed_code -> Binary,
        reason -> Nullable<Text>,
        tries -> BigInt,
        next_at -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    usage_counters (license_id, meter) {
        license_id -> Text,
        meter -> Text,
        total -> BigInt,
        counted_at -> BigInt,
    }
}

diesel::table! {
    usage_periods (license_id, meter) {
        license_id -> Text,
        meter -> Text,
        period_start -> BigInt,
        used -> BigInt,
        rule -> Nullable<Text>,
    }
}

diesel::table! {
    usage_report_days (license_id) {
        license_id -> Text,
        day -> BigInt,
        reports -> BigInt,
    }
}

diesel::table! {
    usage_pushes (license_id) {
        license_id -> Text,
        total -> Nullable<BigInt>,
        counted_at -> Nullable<BigInt>,
        tries -> BigInt,
        next_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    usage_reports (license_id, report_id) {
        license_id -> Text,
        report_id -> Text,
        meter -> Text,
        amount -> BigInt,
        counted_at -> BigInt,
        activation_id -> Text,
    }
}

diesel::table! {
    packages (product, version) {
        product -> Text,
        version -> Text,
        sha256 -> Text,
        size -> BigInt,
        file -> Text,
        min_version -> Nullable<Text>,
        kid -> Text,
        manifest -> Text,
        manifest_sha256 -> Text,
        published_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        withdrawn_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    license_links (license_id) {
        license_id -> Text,
        version -> BigInt,
        rotated_at -> BigInt,
    }
}

diesel::table! {
    revocations (product, number) {
        product -> Text,
        number -> BigInt,
        license_id -> Nullable<Text>,
        revs -> Nullable<Text>,
        kid -> Nullable<Text>,
        reason -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    activations (id) {
        id -> Text,
        license_id -> Text,
        product -> Text,
        name -> Nullable<Text>,
        platform -> Nullable<Text>,
        version -> Nullable<Text>,
        container -> Bool,
        components -> Text,
        floating -> Bool,
        lease_ends_at -> BigInt,
        grace_until -> BigInt,
        borrowed -> Bool,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        ended_by -> Nullable<Text>,
    }
}

diesel::table! {
    activation_components (license_id, component, activation_id) {
        license_id -> Text,
        component -> Text,
        activation_id -> Text,
        total -> BigInt,
        operator -> Bool,
    }
}

diesel::table! {
    deployments (id) {
        id -> Text,
        license_id -> Text,
        product -> Text,
        provider -> Text,
        goal -> Text,
        status -> Text,
        stage -> Text,
        plan -> Text,
        attempt -> Nullable<Text>,
        attempt_at -> Nullable<BigInt>,
        sent -> Bool,
        accepted -> Nullable<Text>,
        removal -> Nullable<Text>,
        address -> Nullable<Text>,
        credentials -> Nullable<Binary>,
        password -> Nullable<Binary>,
        trouble -> Nullable<Text>,
        machine_key -> Nullable<Binary>,
        suspect -> Bool,
        again -> Bool,
        sequence -> BigInt,
        activation_id -> Nullable<Text>,
        next_at -> Nullable<BigInt>,
        deadline_at -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        version -> BigInt,
        worker -> Nullable<Text>,
        absences -> BigInt,
        sighting -> Nullable<Text>,
        before_gone -> Nullable<Text>,
    }
}

diesel::table! {
    deployment_stages (deployment_id, stage) {
        deployment_id -> Text,
        stage -> Text,
        started_at -> BigInt,
        deadline_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    deployment_lines (deployment_id, number) {
        deployment_id -> Text,
        number -> BigInt,
        at -> BigInt,
        stage -> Text,
        source -> Text,
        text -> Text,
    }
}

diesel::table! {
    deployment_resources (deployment_id, kind, provider_id) {
        deployment_id -> Text,
        kind -> Text,
        provider_id -> Text,
        name -> Nullable<Text>,
        seen_at -> BigInt,
        removed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    door_keys (product) {
        product -> Text,
        public_key -> Binary,
        sealed_seed -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    keygen_machines (activation_id) {
        activation_id -> Text,
        license_id -> Text,
        fingerprint -> Text,
        name -> Nullable<Text>,
        hostname -> Nullable<Text>,
        platform -> Nullable<Text>,
        ip -> Nullable<Text>,
        cores -> Nullable<BigInt>,
        memory -> Nullable<BigInt>,
        disk -> Nullable<BigInt>,
        metadata -> Text,
        components -> Text,
        last_heartbeat_at -> Nullable<BigInt>,
        heartbeat_reset -> Bool,
        last_check_out_at -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::joinable!(keygen_machines -> activations (activation_id));

diesel::allow_tables_to_appear_in_same_query!(keygen_machines, activations);

diesel::allow_tables_to_appear_in_same_query!(licenses, orders);

diesel::allow_tables_to_appear_in_same_query!(deployments, deployment_lines);

diesel::joinable!(device_uploads -> device_codes (device_code_id));
diesel::allow_tables_to_appear_in_same_query!(device_uploads, device_codes);

diesel::table! {
    events (id) {
        id -> Text,
        kind -> Text,
        subject -> Text,
        seq -> BigInt,
        license_id -> Nullable<Text>,
        at -> BigInt,
        payload -> Text,
        pending -> Bool,
    }
}

diesel::table! {
    webhooks (id) {
        id -> Text,
        url -> Text,
        description -> Text,
        kinds -> Text,
        enabled -> Bool,
        disabled_because -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    webhook_secrets (id) {
        id -> Text,
        webhook_id -> Text,
        sealed -> Binary,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    webhook_deliveries (webhook_id, event_id) {
        webhook_id -> Text,
        event_id -> Text,
        subject -> Text,
        seq -> BigInt,
        state -> Text,
        tries -> BigInt,
        next_at -> BigInt,
        since -> BigInt,
        ended_at -> Nullable<BigInt>,
        worker -> Nullable<Text>,
    }
}

diesel::table! {
    webhook_attempts (webhook_id, event_id, number) {
        webhook_id -> Text,
        event_id -> Text,
        number -> BigInt,
        at -> BigInt,
        millis -> BigInt,
        status -> Nullable<BigInt>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    license_contacts (license_id) {
        license_id -> Text,
        address -> Binary,
        language -> Text,
        source -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    mails (id) {
        id -> Text,
        event_id -> Text,
        kind -> Text,
        license_id -> Nullable<Text>,
        state -> Text,
        tries -> BigInt,
        next_at -> BigInt,
        created_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        worker -> Nullable<Text>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    expiry_notices (license_id, expires_at, days) {
        license_id -> Text,
        expires_at -> BigInt,
        days -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(events, webhook_deliveries);
diesel::allow_tables_to_appear_in_same_query!(licenses, expiry_notices);
