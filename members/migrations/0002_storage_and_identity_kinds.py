"""Room in the pages of hot tables (updates stay on their page), and the identity kinds that ship."""

from django.db import migrations

# code, English, Chinese, strength, one value a person, one person a value, may link
KINDS = [
    ("phone", "Phone", "手机号", 90, True, True, True),
    ("unionid", "WeChat unionid", "微信 unionid", 85, True, True, True),
    ("registered_id", "Registered id", "注册账号", 80, True, True, True),
    ("wecom_external_id", "WeCom external id", "企业微信外部联系人", 75, True, True, True),
    ("alipay_id", "Alipay id", "支付宝账号", 75, True, True, True),
    ("taobao_nick", "Taobao nick", "淘宝昵称", 70, True, True, True),
    ("openid", "WeChat openid", "微信 openid", 65, False, True, True),
    ("email", "Email", "邮箱", 60, False, True, True),
    ("jd_id", "JD id", "京东账号", 55, True, True, True),
    ("pinduoduo_id", "Pinduoduo id", "拼多多账号", 55, True, True, True),
    ("douyin_id", "Douyin id", "抖音账号", 55, True, True, True),
    ("kuaishou_id", "Kuaishou id", "快手账号", 55, True, True, True),
    ("xiaohongshu_id", "Xiaohongshu id", "小红书账号", 55, True, True, True),
    ("dianping_id", "Meituan-Dianping id", "美团大众点评账号", 55, True, True, True),
    ("wechat_channels_id", "WeChat channels id", "视频号账号", 55, True, True, True),
    ("weibo_id", "Weibo id", "微博账号", 55, True, True, True),
    ("zhihu_id", "Zhihu id", "知乎账号", 55, True, True, True),
    ("bilibili_id", "Bilibili id", "哔哩哔哩账号", 55, True, True, True),
    ("device", "Device", "设备", 20, False, False, False),
    ("cookie", "Cookie", "Cookie", 10, False, False, False),
    ("anonymous", "Anonymous id", "匿名标识", 5, False, False, False),
]


def add_kinds(apps, schema_editor):
    kind = apps.get_model("members", "IdentityKind")
    for code, name, name_zh, strength, single, unique, link in KINDS:
        kind.objects.get_or_create(
            code=code,
            defaults={"name": name, "name_zh": name_zh, "strength": strength, "single_valued": single, "is_unique": unique, "may_link": link},
        )


class Migration(migrations.Migration):
    dependencies = [("members", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE members_member SET (fillfactor = 85);
            ALTER TABLE members_creditaccount SET (fillfactor = 80);
            ALTER TABLE members_creditlot SET (fillfactor = 80);
            """,
            "ALTER TABLE members_member RESET (fillfactor); ALTER TABLE members_creditaccount RESET (fillfactor); ALTER TABLE members_creditlot RESET (fillfactor);",
        ),
        migrations.RunPython(add_kinds, migrations.RunPython.noop, elidable=False),
    ]
