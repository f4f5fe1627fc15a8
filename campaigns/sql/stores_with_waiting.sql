-- Purpose: stores that have messages to hand over, one index probe a store however many messages wait.
-- Parameters: none.
-- Rerunnable: it changes nothing.
-- Index: message_to_hand_over (store, id) WHERE status = 'PENDING'.
WITH RECURSIVE stores AS (
    (SELECT store_id FROM campaigns_message WHERE status = 'PENDING' ORDER BY store_id LIMIT 1)
    UNION ALL
    SELECT (SELECT message.store_id FROM campaigns_message AS message
             WHERE message.status = 'PENDING' AND message.store_id > stores.store_id ORDER BY message.store_id LIMIT 1)
      FROM stores
     WHERE stores.store_id IS NOT NULL
)
SELECT store_id FROM stores WHERE store_id IS NOT NULL
