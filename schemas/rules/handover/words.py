"""Why a code, or one leg of it, is not simply genuine: in words."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.reference import Label

_WHY: Mapping[str, tuple[str, str]] = {
    # not genuine
    "signature": ("签名不符：内容被改动过，或接的不是前一个环节。不要交接，查这个码的来源",
                  "The signature does not fit: something was altered, or it does not stand on the leg before. Hand over nothing; find out where the code is from"),
    "before_key": ("签署时间早于这把密钥启用。不要交接，查来源", "Dated before its key was issued. Hand over nothing; find out where it is from"),
    "after_key": ("签署时间晚于这把密钥吊销。不要交接，查来源", "Dated after its key was revoked. Hand over nothing; find out where it is from"),
    "backwards": ("时间早于前一个环节 5 分钟以上。核对签署设备的时钟，改正后重签",
                  "More than 5 minutes earlier than the leg before. Check the clock of the signing device, then sign again"),
    # cannot say
    "unknown_key": ("手头的名录里没有这把密钥，不能确定是谁签的。联网更新名录后再看", "The key is not in the directory at hand, so who signed cannot be said. Update the directory and look again"),
    "no_directory": ("本机还没有这个项目的名录，不能确定是谁签的。联网同步一次再看", "This device has no directory of the project yet, so who signed cannot be said. Sync once and look again"),
    "future": ("签署时间在将来。核对本机和签署设备的时钟", "Dated in the future. Check the clocks of this device and of the signing one"),
    "stranger": ("签署人的单位不是该签这个环节的单位。问清是谁签的，为什么", "Signed by somebody of another firm than the one whose turn it is. Ask who signed, and why"),
    # what this device knows of the load already
    "replayed": ("这个码已经用过：这车后来已签收、拒收、退回或作废。让对方出示最新的码；车上有土就查",
                 "This code was used already: the load was since received, rejected, returned or voided. Ask for the newest code; if there is soil on the truck, look into it"),
    "fork": ("同一份联单有两条不同的签署链。不要交接，问清哪一辆车、哪一次签署是真的",
             "One manifest with two chains of signatures. Hand over nothing; ask which truck and which signature is the real one"),
    "number_twice": ("同一个联单编号有两份不同的联单。不要交接，与移出单位核对", "Two manifests with one number. Hand over nothing; ask the consignor"),
}  # fmt: skip
WORDS: Mapping[str, Label] = {why: Label(zh, en) for why, (zh, en) in _WHY.items()}
