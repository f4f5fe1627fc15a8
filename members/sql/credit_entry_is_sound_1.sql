-- Whether the columns of one credit entry fit each other: the condition of the constraint credit_entry_is_sound. Installed by migration
-- members/0011; a change is a new function under a new name, a new constraint, and a migration that validates it, because the server does
-- not look at old rows again when a function changes.
--
-- In a function because the server reads the text of a constraint anew for each INSERT, and of a function once a session: seven constraints in
-- words took half the time of writing an entry (ADR 0031). It looks at its arguments only.
CREATE FUNCTION members_credit_entry_is_sound(
    p_kind varchar,
    p_principal numeric,
    p_bonus numeric,
    p_balance_after numeric,
    p_seq smallint,
    p_line_no integer,
    p_captured_principal numeric,
    p_captured_bonus numeric,
    p_hold bigint,
    p_refund_of bigint
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN p_balance_after >= 0
        AND p_seq >= 0
        AND coalesce(p_line_no >= 0, true)
        -- the sign fits the kind, and there is no other kind
        AND CASE
            WHEN p_kind IN ('SPEND', 'HOLD', 'LAPSE', 'PAYOUT') THEN p_principal <= 0 AND p_bonus <= 0
            WHEN p_kind IN ('TOP_UP', 'REFUND', 'RELEASE') THEN p_principal >= 0 AND p_bonus >= 0
            WHEN p_kind = 'CAPTURE' THEN p_principal = 0 AND p_bonus = 0
            ELSE p_kind = 'ADJUST'
        END
        -- a capture tells what it made final, nothing else does
        AND CASE
            WHEN p_kind = 'CAPTURE' THEN coalesce(p_captured_principal >= 0 AND p_captured_bonus >= 0, false)
            ELSE p_captured_principal IS NULL AND p_captured_bonus IS NULL
        END
        -- a refund names its spend, nothing else does
        AND (p_kind = 'REFUND') = (p_refund_of IS NOT NULL)
        -- what a hold does names it
        AND (p_hold IS NOT NULL OR p_kind NOT IN ('HOLD', 'CAPTURE', 'RELEASE'));
END $$;
