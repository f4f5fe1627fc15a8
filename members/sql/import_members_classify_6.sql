UPDATE import_rows SET action = 'conflict' WHERE conflict_code IS NOT NULL
