-- Purpose: lock one open run that is due and that nobody else is deciding, with the span of members of its next chunk.
-- Parameters: local_day date, now timestamptz, not_runs bigint[] (claimed already in this transaction), stores bigint[] or null, room int (most accounts).
-- Rerunnable: it changes nothing; the lock goes with the transaction.
-- Indexes: reminder_run_open, credit_account_with_balance.
SELECT run.id, run.store_id, run.cursor, chunk.accounts, chunk.upto
  FROM (SELECT id, store_id, cursor
          FROM campaigns_reminderrun
         WHERE status IN ('WAITING', 'DECIDING') AND local_day = %(local_day)s AND scheduled_at <= %(now)s
           AND id <> ALL(%(not_runs)s::bigint[]) AND (%(stores)s::bigint[] IS NULL OR store_id = ANY(%(stores)s::bigint[]))
         ORDER BY store_id
         LIMIT 1
           FOR UPDATE SKIP LOCKED) AS run
 CROSS JOIN LATERAL (
       SELECT count(*) AS accounts, max(member_id) AS upto
         FROM (SELECT account.member_id
                 FROM members_creditaccount AS account
                WHERE account.store_id = run.store_id AND account.has_balance AND account.member_id > run.cursor
                ORDER BY account.member_id
                LIMIT %(room)s) AS next_accounts) AS chunk
