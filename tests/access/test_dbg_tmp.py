import pytest, time
from tests.access.walk import Walk
from tests.access.table import TABLE
from tests.access.world import make_world
@pytest.mark.django_db
def test_x():
    w=make_world()
    only=[s for s in TABLE.lines if s.endswith(("_import","_export"))]
    for who in ("MERCHANT_OWNER","MERCHANT_ANALYST","PLATFORM_AUDITOR","PLATFORM_ADMIN","PLATFORM_MEMBER_OPS","anonymous","DEVELOPER_OWNER"):
        k=Walk(w,who); t=time.time(); print(who,k.walk(only),k.cells, time.time()-t, flush=True)
    assert 0
