SELECT id FROM paid_paidprogram WHERE id IN (SELECT program_id FROM import_rows WHERE action = 'create') ORDER BY id FOR UPDATE
