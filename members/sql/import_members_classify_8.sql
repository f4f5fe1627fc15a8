UPDATE import_rows SET action = 'update'
WHERE action = 'unchanged' AND line IN (SELECT line FROM import_tag WHERE NOT is_there)
