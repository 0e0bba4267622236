"""Reading codes: of manifests and of enrolment."""

WORDS: dict[str, tuple[str, str]] = {
    "scan": ("扫码", "Scan"),
    "scan.title": ("扫码", "Scan a code"),
    "scan.sub": ("联单交接码、登记码", "Hand-over and enrolment codes"),
    "scan.aim": (
        "让整个码在画面里，不反光，会自动读出",
        "Get the whole code into the picture, without glare: it is read by itself",
    ),
    "scan.camera": ("开相机扫码", "Open the camera"),
    "scan.shoot": ("拍下并读码", "Take it and read"),
    "scan.reading": ("正在读码……", "Reading …"),
    "scan.file": ("选一张码的图片", "Choose a picture of the code"),
    "scan.field": ("扫码枪或粘贴", "Scanner, or paste"),
    "scan.field.why": (
        "扫码枪会自己输入并回车；没有扫码枪就把码的文字粘贴到这里，再按回车。",
        "A scanner types by itself and ends with Enter; without one paste the text of the code here and press Enter.",
    ),
    "scan.read": ("读这段文字", "Read this text"),
    "scan.no_decoder": ("这台设备不能从图片读码", "This device cannot read codes from pictures"),
    "scan.no_decoder.why": (
        "用蓝牙扫码枪对着对方屏幕扫，或让对方把码的文字发过来，粘贴在下面。",
        "Point a Bluetooth scanner at the other screen, or have the text of the code sent and paste it below.",
    ),
    "scan.nothing": ("图片里没有找到二维码", "No code was found in the picture"),
    "scan.nothing.why": (
        "靠近些，让码占画面一半以上；屏幕调亮，避开反光，再拍一张。",
        "Go closer until the code fills half the picture; brighten the screen, avoid glare, and take another.",
    ),
    "scan.several": ("一张图里有 {n} 个联单码", "{n} manifest codes in one picture"),
    "scan.several.why": ("一次只拍一个。没有读取任何一个。", "One at a time. None of them was read."),
    "scan.no_camera": (
        "改用扫码枪、图片文件，或把码的文字粘贴到下面。",
        "Use a scanner or a picture file, or paste the text of the code below.",
    ),
    "scan.other_server": (
        "这台设备登记在 {here}，登记码是 {there} 的",
        "This device is enrolled at {here}; the code is of {there}",
    ),
    "scan.other_server.why": (
        "一台设备只放一个服务器的数据。换一台设备，或找管理员核对登记码。没有改动任何内容。",
        "A device holds the data of one server. Use another device, or have the administrator check the code. Nothing was changed.",
    ),
    "enrol.scan": ("扫登记码", "Scan the enrolment code"),
    "enrol.scanned": ("登记码已读入，核对后登记", "The code was read; check it and enrol"),
    "enrol.scanned.key": (
        "服务器密钥指纹 {mark}。登记时会核对，不符就什么都不存。",
        "Fingerprint of the server's key: {mark}. It is compared while enrolling; if it differs nothing is kept.",
    ),
}
