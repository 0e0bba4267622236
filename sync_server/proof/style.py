"""The look of the package's pages: on a phone, a desk, in the dark and on paper. Colours as in the console's tokens."""

STYLE = """
:root{color-scheme:light;--paper:#F5F2EA;--surface:#FFFDF7;--sunken:#EAE5D8;--line:#D8D1C0;--ink:#1D2523;--ink2:#48514D;
--ink3:#5C645E;--primary:#1C4F4B;--good:#2B6843;--goods:#DCEADB;--warn:#875000;--warns:#F6E5C6;--bad:#B0301A;--bads:#F8E0D6;
--clash:#74366B;--clashs:#EFDFEB;--dim:#5B625C;--dims:#E7E3D8}
@media(prefers-color-scheme:dark){:root{color-scheme:dark;--paper:#111716;--surface:#19211F;--sunken:#0B100F;--line:#33403C;
--ink:#ECE8DD;--ink2:#BEC3BA;--ink3:#9DA69F;--primary:#8FC9BC;--good:#8ACB9B;--goods:#1B3A28;--warn:#E9B860;--warns:#40300F;
--bad:#FF957C;--bads:#4A1E14;--clash:#E0AED6;--clashs:#40233B;--dim:#B3B8B0;--dims:#2A322F}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 "Noto Sans CJK SC","Noto Sans SC","Microsoft YaHei",
"PingFang SC",system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:60rem;margin:0 auto;padding:1rem}
h1{font-size:1.7rem;margin:.2rem 0 1rem}h2{font-size:1.25rem;margin:2rem 0 .6rem}h3{font-size:1.05rem;margin:0 0 .5rem}
h1 .en,h2 .en,h3 .en{font-weight:400}.en{color:var(--ink3);font-size:.86em}
a{color:var(--primary)}code,pre{font-family:"Noto Sans Mono CJK SC",Consolas,Menlo,monospace;font-size:.86em}
pre{background:var(--sunken);padding:.7rem;border-radius:6px;overflow-x:auto}
.mark{color:var(--primary);font-weight:600;margin:0}
.card,header{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:1rem;margin:0 0 1rem}
.card h3 small{display:block;color:var(--ink2);font-weight:400}
table{border-collapse:collapse;width:100%}th{text-align:start;font-weight:400;color:var(--ink2)}
.values th,.moved th{width:34%;vertical-align:top;padding:.25rem .8rem .25rem 0}
.values td,.moved td{vertical-align:top;padding:.25rem 0}
.values tr+tr,.moved tr+tr{border-top:1px solid var(--line)}
.moved{background:var(--sunken);border-radius:6px;margin:.4rem 0;display:block;padding:.3rem .7rem}
.moved tbody{display:table;width:100%}
.grid th,.grid td{border:1px solid var(--line);padding:.4rem .6rem;vertical-align:top;text-align:start}
.grid small,.grid td:first-child{white-space:nowrap}.grid code{word-break:break-all}.grid code.id{font-size:.75em}.wide{overflow-x:auto}@media screen{.grid{min-width:46rem}}
dl{margin:0;display:grid;grid-template-columns:minmax(5rem,auto) 1fr;gap:.1rem .8rem}dt{color:var(--ink2)}dd{margin:0}
td ul{margin:0;padding-inline-start:1.1rem}.plain{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin:.5rem 0}
.steps{margin:.8rem 0 0;padding-inline-start:1.4rem;border-top:1px solid var(--line)}.steps li{padding:.5rem 0}
.steps li+li{border-top:1px dashed var(--line)}.steps p{margin:.1rem 0}
.id{color:var(--ink3);font-size:.86em;margin:.3rem 0}.none{color:var(--ink3)}.why{color:var(--warn)}
.tag{display:inline-block;padding:0 .5rem;border-radius:6px;font-size:.86em;font-weight:400}.tag .en{color:inherit}
.good{color:var(--good);background:var(--goods)}.warn{color:var(--warn);background:var(--warns)}
.bad{color:var(--bad);background:var(--bads)}.clash{color:var(--clash);background:var(--clashs)}.dim{color:var(--dim);background:var(--dims)}
del{color:var(--ink2)}ins{text-decoration:none;font-weight:600}
figure{margin:0 0 .8rem}figure img{max-width:100%;max-height:26rem;border-radius:6px;display:block;background:var(--sunken)}
figcaption,.exif{color:var(--ink2);font-size:.9em;margin-top:.3rem}.lack{background:var(--warns);color:var(--warn);padding:.6rem;border-radius:6px}
.ink{display:block;width:16rem;max-width:100%;background:#fff;border:1px solid var(--line);border-radius:6px}
.ink polyline{fill:none;stroke:#1D2523;stroke-width:60;stroke-linecap:round;stroke-linejoin:round}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.6rem;margin:.8rem 0}
.figures div{background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:.6rem .8rem}
.figures b{display:block;font-size:1.4rem}
.three{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:1rem}.three ul{margin:0;padding-inline-start:1.2rem}
.note{border-inline-start:4px solid var(--primary);padding-inline-start:.8rem}nav{display:flex;flex-wrap:wrap;gap:1.2rem;margin:1rem 0}
@media(max-width:34rem){.values,.values tbody,.values tr,.values th,.values td,.moved tbody,.moved tr,.moved th,.moved td{display:block;width:auto}
.values th,.moved th{padding:.3rem 0 0}.values td,.moved td{padding:0 0 .3rem}dl{grid-template-columns:1fr}dd{margin:0 0 .3rem}}
@media print{:root{color-scheme:light;--paper:#fff;--surface:#fff;--sunken:#F2F0EA;--line:#B9B3A4;--ink:#000;--ink2:#333;--ink3:#444;
--primary:#1C4F4B;--good:#1E5232;--goods:#fff;--warn:#6B3F00;--warns:#fff;--bad:#8A2210;--bads:#fff;--clash:#5A2953;--clashs:#fff;
--dim:#444;--dims:#fff}body{font-size:10pt}main{max-width:none;padding:0}.tag{border:1px solid currentColor}
.card h3,figure,.steps li,.figures,tr{break-inside:avoid}h2,h3{break-after:avoid}nav{display:none}a{color:inherit;text-decoration:none}
figure img{max-height:12cm}@page{margin:15mm}}
""".replace("\n", "")  # fmt: skip
