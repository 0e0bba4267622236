from tests.api.test_blobs_seen import *
from tests.api.tus import begin, append
def test_amend(server):
    s=server; a,b=picture("first"),picture("second")
    mine=Device(s,s.sampler); pm=Device(s,s.pm)
    values={"sha256": sha(a), "step": "point_before", "subject_kind": "site", "subject_id": s.site,"taken_at": AT, "source": "app_camera"}
    rec=s.new_id()
    made=mine.change("photo",values,rec,scope=s.field)
    print(outcomes(mine.push([made],s.field)))
    for d in (a,b): assert send(s.http,mine.auth,d,s.field,"a.jpg").status_code==204
    assert sees(s,pm,a)
    am=mine.change("photo",{"sha256":sha(b)},rec,{"sha256":sha(a)},scope=s.field)
    r=mine.push([am],s.field); print(r.json())
    print("pm sees a,b", sees(s,pm,a), sees(s,pm,b))
    assert 0
