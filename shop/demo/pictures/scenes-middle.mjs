// The middle of Japan: the hero of the home page, Hakone, Nikko, Tateyama, Shirakawa-go, Kusatsu, Nagaoka, Kanazawa.
import { Sheet, at, circle, curve, line, path, poly, r0, rect, roof } from './brush.mjs';

// A traveller with a round hat, seen from behind.
const traveller = (x, y, h, coat, hat = '#d9b877') => at(x, y, h / 100, path('M-17-62Q0-70 17-62L24-12H-24z', coat) + path('M-9-12h7v12h-8zM2-12h7l1 12H3z', '#1b2233') + path('M-27-64Q0-96 27-64Q0-56-27-64z', hat));

// The gate of a checkpoint: two great posts, a lintel, a shingled roof, black timber. Base line at y, centre x, width w.
function gate(s, x, y, w, wood = '#20222b', edge = '#3a3a42', roofTop = '#3b4150') {
  const k = w / 400;
  const g = s.grad([[0, edge], [100, wood]]);
  return at(x, y, r0(k * 100) / 100,
    rect(-178, -232, 44, 232, g) + rect(134, -232, 44, 232, g) + rect(-186, -10, 60, 12, '#6d675f') + rect(126, -10, 60, 12, '#6d675f') +
    rect(-224, -206, 448, 30, wood) + rect(-200, -160, 400, 13, wood) +
    path('M-196-232h392l34 8h-460z', '#14161d') +
    path('M-262-226Q-190-236-150-300H150Q190-236 262-226Q130-242 0-242T-262-226z', roofTop) +
    path('M-150-300H150l8-12H-158z', '#171a22') +
    path('M-232-234Q-170-246-138-288M-196-238Q-140-256-112-292M-130-242-88-294M-66-243-44-296M0-244V-298M66-243 44-296M130-242 88-294M196-238Q140-256 112-292M232-234Q170-246 138-288', 'none', ' stroke="#545c6e" stroke-width="3"') +
    rect(-30, -176, 60, 16, '#14161d') + rect(-118, -146, 6, 146, wood) + rect(112, -146, 6, 146, wood));
}

function fence(x0, x1, y, h, colour) {
  let d = '';
  for (let x = x0; x <= x1; x += 15) d += `M${r0(x)} ${r0(y)}v-${r0(h)}`;
  return line(d, colour, 8) + line(`M${r0(x0)} ${r0(y - h * 0.75)}H${r0(x1)}M${r0(x0)} ${r0(y - h * 0.3)}H${r0(x1)}`, colour, 5);
}

// A volcano: concave flanks, a small crater, snow with a torn hem.
const fuji = (s, x, y, w, h, top, foot, snow) => {
  const t = y - h, X = (k) => r0(x + w * k), Y = (k) => r0(y - h * k);
  const crest = `${X(-0.036)} ${t}l${r0(w * 0.018)} 5 ${r0(w * 0.02)}-6 ${r0(w * 0.018)} 4 ${r0(w * 0.016)}-4`;
  return path(`M${X(-0.5)} ${y}C${X(-0.27)} ${Y(0.24)} ${X(-0.1)} ${Y(0.72)} ${crest}C${X(0.1)} ${Y(0.72)} ${X(0.27)} ${Y(0.24)} ${X(0.5)} ${y}z`, s.grad([[0, top], [100, foot]])) +
    path(`M${X(-0.125)} ${Y(0.655)}C${X(-0.085)} ${Y(0.8)} ${X(-0.058)} ${Y(0.92)} ${crest}C${X(0.058)} ${Y(0.92)} ${X(0.085)} ${Y(0.8)} ${X(0.125)} ${Y(0.655)}L${X(0.1)} ${Y(0.72)} ${X(0.092)} ${Y(0.6)} ${X(0.066)} ${Y(0.74)} ${X(0.05)} ${Y(0.54)} ${X(0.03)} ${Y(0.71)} ${X(0.014)} ${Y(0.58)} ${X(-0.006)} ${Y(0.73)} ${X(-0.03)} ${Y(0.5)} ${X(-0.046)} ${Y(0.7)} ${X(-0.064)} ${Y(0.58)} ${X(-0.08)} ${Y(0.74)} ${X(-0.1)} ${Y(0.62)}z`, snow);
};

export const middle = {
  hero(name) {
    const s = new Sheet(name, 1600, 760);
    s.put(s.sky([[0, '#c9d8e2'], [38, '#e9e3d3'], [62, '#f6dfc4'], [100, '#f3d3b4']]));
    s.put(circle(1130, 330, 190, s.glow('#ffd9a8', 0.9, 0.4)), circle(1130, 330, 62, '#e0583a'));
    s.put(s.mist(250, '#fff', 0.35, 5, 90, 20));
    s.put(fuji(s, 1000, 560, 1050, 330, '#7f93b5', '#d9c9bf', '#fdfaf3'));
    s.put(s.veil(400, 180, '#f6e3cc', 0.8));
    s.put(s.ridge([[0, 500], [180, 455], [380, 500], [600, 470], [820, 520], [1050, 490], [1300, 440], [1600, 470]], 26, s.grad([[0, '#8fa5bd'], [60, '#cfcfc9'], [100, '#ecdcc9']])));
    s.put(s.veil(470, 110, '#f4e6d4', 0.85));
    s.put(s.ridge([[0, 560], [160, 520], [330, 566], [560, 540], [800, 590], [1030, 560], [1260, 520], [1440, 548], [1600, 510]], 24, s.grad([[0, '#5f7b99'], [70, '#a9b3b6'], [100, '#cfc8ba']])));
    s.put(s.mist(600, '#f7eee0', 0.75, 7, 34, 20));
    s.put(s.ridge([[0, 630], [220, 600], [470, 640], [760, 622], [1000, 650], [1300, 610], [1600, 640]], 16, s.grad([[0, '#36557a'], [100, '#6d8194']])));
    s.put(s.firs(46, 0, 760, (x) => 664 + Math.sin(x / 90) * 8, 26, 62, '#28456a'));
    s.put(s.hill([[0, 690], [260, 664], [620, 676], [980, 664], [1280, 652], [1600, 676]], s.grad([[0, '#3b4b4a'], [100, '#222f36']])));
    // the road through the gate
    s.put(path('M1130 760C1190 716 1216 690 1222 664H1304C1330 692 1392 724 1480 760z', s.grad([[0, '#c7b49a'], [100, '#8f7f6c']])));
    s.put(line('M1200 724h70M1296 700h46M1150 748h60M1330 738h70M1236 690h40', '#7a6b5a', 4, ' stroke-linecap="round" opacity=".6"'));
    s.put(fence(1000, 1140, 676, 54, '#2b2c33'), fence(1392, 1540, 672, 54, '#2b2c33'));
    s.put(gate(s, 1264, 676, 300));
    s.put(traveller(1250, 702, 46, '#34507c'), traveller(1288, 708, 50, '#8b3b2c'));
    s.put(s.pine(1468, 724, 420, '#2a2420', '#24413b', -1), s.pine(1010, 706, 250, '#2f2a24', '#2f4f45', 1));
    s.put(s.foliage(1590, 700, 90, 60, 60, ['#1f3733', '#2b4a40'], 44), s.foliage(930, 730, 110, 34, 50, ['#22393a', '#2f4a44'], 36));
    s.put(s.birds(760, 300, 7, 13, '#475a77'));
    return s.end();
  },

  'hakone-sekisho'(name) {
    const s = new Sheet(name);
    s.put(s.sky([[0, '#2f5f93'], [30, '#7ba4c4'], [58, '#e3e3d4'], [72, '#f7e3c3']]));
    s.put(s.mist(150, '#fff', 0.5, 6, 60, 22));
    s.put(fuji(s, 560, 470, 900, 330, '#5877a3', '#b9c1c6', '#fdfcf7'));
    s.put(s.veil(360, 150, '#f3e8d6', 0.9));
    s.put(s.ridge([[0, 450], [150, 400], [330, 452], [520, 462], [760, 448], [950, 392], [1200, 430]], 18, s.grad([[0, '#3d6284'], [100, '#9fb4b6']]), { base: 500 }));
    s.put(rect(0, 480, 1200, 200, s.grad([[0, '#bcd0d2'], [40, '#5d8cab'], [100, '#2b5982']])));
    s.put(path('M440 484 560 560 680 484z', '#fff', ' opacity=".35"'), s.glints(46, 492, 640, '#e9f2f2', 0.7));
    // a pleasure boat
    s.put(at(250, 556, 1, path('M-56 0h112l-16 20h-84z', '#8d3a28') + path('M-34-18h68v18h-68z', '#f4ead8') + path('M-20-34h38v16h-38z', '#8d3a28') + line('M0-34V-78M-28-60 0-78 26-60', '#3b2e28', 2.5)));
    s.put(s.hill([[0, 640], [200, 622], [480, 640], [800, 622], [1200, 646]], s.grad([[0, '#5a6a4d'], [100, '#2d3a33']])));
    s.put(path('M430 800C520 730 560 690 574 640H728C744 690 800 738 900 800z', s.grad([[0, '#d8c6a8'], [100, '#9c8a72']])));
    s.put(line('M520 762h100M676 736h84M560 712h60M700 690h36M470 790h90M740 776h100M600 670h40', '#83725e', 6, ' stroke-linecap="round" opacity=".55"'));
    s.put(fence(250, 480, 660, 84, '#2a2b31'), fence(822, 1060, 660, 84, '#2a2b31'));
    s.put(gate(s, 651, 664, 470));
    s.put(traveller(622, 716, 78, '#34507c'), traveller(690, 730, 84, '#9a3a24'));
    for (const [x, h, w] of [[70, 560, 120], [168, 430, 92], [1110, 600, 130], [1010, 430, 96], [1190, 470, 110]]) {
      s.put(rect(x - w * 0.07, 700 - h * 0.35, w * 0.14, h * 0.35, '#3b2c25'), s.fir(x, 690, h, s.grad([[0, '#2c5148'], [100, '#172f30']]), w));
    }
    s.put(s.foliage(90, 760, 150, 50, 60, ['#1f3733', '#2f5044'], 50), s.foliage(1130, 765, 140, 46, 60, ['#1f3733', '#2f5044'], 50));
    s.put(s.birds(880, 190, 5, 14, '#2f4668'));
    return s.end();
  },

  'nikko-bridge'(name) {
    const s = new Sheet(name);
    s.put(s.sky([[0, '#b9cfd8'], [45, '#eee7d3'], [70, '#f3d9b5']]));
    s.put(s.ridge([[0, 260], [180, 170], [360, 210], [560, 110], [760, 190], [960, 130], [1200, 230]], 30, s.grad([[0, '#7f97a8'], [80, '#d9d3bd']])));
    s.put(s.mist(300, '#fff8ea', 0.6, 5, 50, 24));
    s.put(s.ridge([[0, 360], [220, 290], [440, 350], [620, 390], [800, 340], [1000, 280], [1200, 330]], 22, s.grad([[0, '#5b7466'], [100, '#a99e7c']])));
    const red = ['#7d2a1d', '#b5402a', '#d7653a', '#e99a4d'], gold = ['#8f5a1c', '#c98a2d', '#e7b551', '#f3d57f'], green = ['#24403a', '#35584a', '#4d7358'];
    for (const [x, y, rx, ry, c] of [[90, 400, 170, 90, red], [300, 360, 130, 70, gold], [470, 400, 110, 56, green], [730, 390, 120, 60, gold], [900, 350, 150, 84, red], [1120, 390, 170, 96, gold], [600, 410, 80, 40, red]]) s.put(s.foliage(x, y, rx, ry, 72, c, 42));
    for (const x of [30, 200, 1010, 1170]) s.put(rect(x, 380, 22, 100, '#3a2c26'), s.fir(x + 11, 420, 420, s.grad([[0, '#2f4d45'], [100, '#1b3331']]), 120));
    s.put(s.hill([[0, 470], [200, 452], [420, 500], [600, 560]], '#3f4438'), s.hill([[600, 560], [800, 500], [1000, 450], [1200, 468]], '#3b4136'));
    s.put(path('M430 520C560 560 640 560 770 520L1200 800H0z', s.grad([[0, '#9cc0c4'], [40, '#4f8a9a'], [100, '#21566c']])));
    s.put(line('M470 548q60 20 120 6M640 556q70 10 110-16M420 610q90 26 190 4M660 622q120 14 190-20M320 690q130 34 280 6M680 706q160 20 260-24M240 770q200 30 330 0M760 780q140 6 220-20', '#eaf6f4', 6, ' stroke-linecap="round" opacity=".75"'));
    for (const [x, y, w] of [[330, 640, 120], [470, 700, 150], [760, 690, 130], [880, 630, 110], [250, 740, 160], [960, 750, 190], [590, 770, 110]]) s.put(path(`M${x - w / 2} ${y}q${w * 0.08}-${r0(w * 0.38)} ${w * 0.36}-${r0(w * 0.34)}q${w * 0.34}-${r0(w * 0.1)} ${w * 0.46} ${r0(w * 0.2)}l${w * 0.18} ${r0(w * 0.18)}q-${w * 0.5} ${r0(w * 0.12)}-${w} 0z`, s.grad([[0, '#6f7470'], [100, '#333a3d']])));
    // the bridge
    const arch = 'M150 470Q600 350 1050 470';
    s.put(path('M232 452h34v120h-34zM934 452h34v120h-34z', '#5d5f5c'), path('M214 560h70l10 34h-90zM916 560h70l10 34h-90z', '#6f716c'));
    s.put(line(arch, '#7c2115', 30), line('M150 458Q600 338 1050 458', '#c23c26', 14), line('M150 414Q600 294 1050 414', '#c23c26', 10), line('M150 436Q600 316 1050 436', '#a83220', 5));
    for (let i = 0; i <= 12; i++) {
      const t = i / 12, x = 150 + 900 * t, y = 470 - 240 * t * (1 - t);
      s.put(rect(x - 6, y - 70, 12, 66, '#a83220'), path(`M${r0(x - 8)} ${r0(y - 70)}q8-22 16 0z`, '#1f2530'));
    }
    s.put(s.foliage(60, 560, 150, 90, 80, red, 52), s.foliage(1150, 570, 150, 100, 80, red, 52), s.foliage(180, 660, 90, 40, 40, gold, 30), s.foliage(1060, 680, 100, 40, 40, gold, 30));
    s.put(s.dots(30, 100, 300, 1100, 780, '#d7653a', 9), s.dots(20, 100, 300, 1100, 780, '#f0b95c', 8));
    return s.end();
  },

  'snow-wall'(name) {
    const s = new Sheet(name);
    s.put(s.sky([[0, '#1f5fa6'], [45, '#6fa9d8'], [75, '#d7eaf2']]));
    s.put(s.ridge([[240, 470], [360, 330], [470, 250], [560, 170], [640, 216], [720, 150], [820, 270], [960, 420]], 26, s.grad([[0, '#5d83ad'], [100, '#c4d9e6']])));
    s.put(s.snowcap(330, '#fbfdfe', 90), s.hill([[420, 500], [540, 470], [640, 486], [780, 462]], s.grad([[0, '#f4f9fc'], [100, '#cfe0ec']]), 530), s.veil(380, 130, '#eef5f9', 0.7));
    s.put(path('M0 0H60C180 150 330 330 470 452L470 520 0 800z', s.grad([[0, '#f7fbfd'], [50, '#dcebf4'], [100, '#a9c8de']], { x1: 0, x2: 1, y2: 0 })));
    s.put(path('M1200 0H1140C1020 150 870 330 730 452L730 520 1200 800z', s.grad([[0, '#8fb3d0'], [55, '#bcd5e6'], [100, '#dcebf5']], { x1: 0, x2: 1, y2: 0 })));
    for (let i = 1; i < 11; i++) {
      const t = i / 11, ly = 452 + 68 * t, fy = 800 * t;
      s.put(line(`M470 ${r0(ly)}Q240 ${r0((ly + fy) / 2 - 14 + s.between(-12, 12))} 0 ${r0(fy + s.between(-12, 12))}`, '#8fb6d2', s.between(1.5, 4), ` opacity="${(0.28 + 0.3 * s.rnd()).toFixed(2)}"`));
      s.put(line(`M730 ${r0(ly)}Q960 ${r0((ly + fy) / 2 - 14 + s.between(-12, 12))} 1200 ${r0(fy + s.between(-12, 12))}`, '#f1f7fb', s.between(1.5, 4), ` opacity="${(0.28 + 0.3 * s.rnd()).toFixed(2)}"`));
    }
    s.put(path('M0 0H60C180 150 330 330 470 452L456 456C310 344 140 180 0 30z', '#fff'), path('M1200 0H1140C1020 150 870 330 730 452L744 456C890 344 1060 180 1200 30z', '#eef6fb'));
    s.put(path('M470 516H730L1120 800H80z', s.grad([[0, '#7c8791'], [100, '#4b555f']])), path('M470 516 80 800H0L462 508zM730 516 1120 800h80L738 508z', '#eaf3f8'));
    s.put(line('M600 520 600 556M600 580 600 634M600 668 600 740M600 776V800', '#e9e4d4', 6));
    // the coach
    s.put(at(650, 640, 1, path('M-62 0V-92Q-62-110-44-110H44Q62-110 62-92V0z', '#f6f3ea') + path('M-62-34H62V-4H-62z', '#b5402a') + path('M-52-96H52V-48H-52z', '#2a4a6c') + path('M-52-96H6L-20-48H-52z', '#5c86ad') + rect(-54, -24, 18, 10, '#ffe9a8') + rect(36, -24, 18, 10, '#ffe9a8') + rect(-56, -2, 24, 16, '#23272c') + rect(32, -2, 24, 16, '#23272c') + rect(-24, -108, 48, 10, '#1d3153')));
    const man = (x, y, h, c, d) => at(x, y, h / 60, path('M-9-36q9-8 18 0l3 22h-24z', c) + path('M-7-14h6v14h-6zM1-14h6v14H1z', d) + circle(0, -44, 8, '#e7c3a0') + path('M-9-46q9-14 18 0z', c));
    s.put(man(300, 700, 70, '#c23c26', '#27324a'), man(348, 706, 66, '#e3a93c', '#2c3a34'), man(246, 724, 52, '#2f6c8c', '#252c3b'), man(440, 590, 34, '#35584a', '#252c3b'), man(462, 586, 30, '#9a3a24', '#252c3b'));
    s.put(s.mist(90, '#fff', 0.7, 3, 36, 18));
    return s.end();
  },

  shirakawago(name) {
    const s = new Sheet(name);
    s.put(s.sky([[0, '#0f1d3c'], [50, '#274472'], [80, '#5a78a0']]), s.dots(60, 0, 0, 1200, 260, '#fff', 2.5, 0.8), circle(930, 120, 46, '#f6ecd0'), circle(930, 120, 130, s.glow('#f6ecd0', 0.35, 0.12)));
    s.put(s.ridge([[0, 330], [200, 210], [380, 290], [600, 170], [820, 280], [1000, 200], [1200, 300]], 34, s.grad([[0, '#3f5f8e'], [100, '#8ea6c6']])), s.snowcap(300, '#dfe8f2', 46));
    s.put(s.firs(60, 0, 1200, (x) => 430 + Math.sin(x / 130) * 22, 60, 130, '#1f3658'));
    s.put(s.veil(380, 120, '#93a9c8', 0.5));
    s.put(s.hill([[0, 470], [300, 440], [620, 470], [900, 436], [1200, 462]], s.grad([[0, '#c9d7ea'], [100, '#8fa8cb']])));
    const warm = s.glow('#ffcf7a', 0.75, 0.28);
    // Praying-hands farmhouse, gable to the viewer; size k
    const house = (x, y, k) => at(x, y, k, circle(0, -50, 190, warm) +
      path('M-116-78H116V0H-116z', '#3b2a22') + path('M-92-92 0-250 92-92z', '#4a3527') + path('M-62-106 0-212 62-106z', '#6b4a30') +
      rect(-22, -150, 44, 34, '#ffdf95') + rect(-10, -186, 20, 22, '#ffdf95') + line('M0-150v34M-22-133h44', '#6b4a30', 3) +
      path('M-160-66 0-286 160-66 128-74 0-248-128-74z', '#eef4fb') + path('M-160-66-128-74-96-118-112-124z', '#b9cbe2') + path('M160-66 128-74 96-118 112-124z', '#b9cbe2') +
      rect(-98, -62, 50, 44, '#ffd685') + rect(-30, -62, 60, 62, '#f2b765') + rect(48, -62, 50, 44, '#ffd685') + line('M-73-62v44M-98-40h50M73-62v44M48-40h50M0-62V0M-30-32h60', '#6a4526', 4) +
      path('M-124-80H124l10 12H-134z', '#dfe9f5') + path('M-150 4Q0-14 150 4L170 16H-170z', '#f4f8fc'));
    s.put(house(210, 480, 0.55), house(450, 462, 0.42), house(1020, 476, 0.55), house(800, 470, 0.46));
    s.put(s.hill([[0, 560], [240, 530], [560, 560], [860, 530], [1200, 560]], s.grad([[0, '#dbe6f4'], [100, '#a3bad8']])));
    s.put(house(330, 640, 1), house(880, 620, 0.9), house(640, 560, 0.62));
    s.put(s.hill([[0, 690], [260, 650], [540, 700], [800, 664], [1200, 700]], s.grad([[0, '#f2f7fc'], [100, '#b4c8e2']])));
    s.put(path('M520 800C600 740 560 700 600 664c20-18 30-30 30-44l14 0c2 20-4 40-18 60-20 34 40 70 50 120z', '#cfdcee'));
    s.put(s.fir(70, 720, 240, '#14284a', 110), s.fir(1130, 740, 300, '#14284a', 130), s.fir(1040, 720, 170, '#1c3358', 80));
    s.put(s.snowfall(120));
    return s.end();
  },

  'kusatsu-onsen'(name) {
    const s = new Sheet(name);
    s.put(s.sky([[0, '#131c3a'], [45, '#33406b'], [75, '#7d6a80'], [100, '#c08a6a']]), s.dots(50, 0, 0, 1200, 220, '#fff', 2.5, 0.8));
    s.put(s.ridge([[0, 300], [250, 220], [520, 280], [800, 200], [1200, 290]], 24, s.grad([[0, '#27345c'], [100, '#4d4f74']])));
    const lamp = s.glow('#ffc76b', 0.85, 0.3);
    const inn = (x, y, w, floors, fh, wall) => {
      let o = '';
      for (let f = 0; f < floors; f++) {
        const yy = y - (f + 1) * fh, ww = w - f * 12;
        o += rect(x - ww / 2, yy, ww, fh, wall);
        const n = Math.max(3, Math.round(ww / 40));
        for (let i = 0; i < n; i++) { const wx = x - ww / 2 + 10 + i * ((ww - 20) / n); o += rect(wx, yy + fh * 0.28, (ww - 20) / n - 7, fh * 0.52, s.pick(['#ffd98a', '#ffcb72', '#f7b65c', '#7a5338'])); }
        o += line(`M${r0(x - ww / 2)} ${r0(yy + fh * 0.88)}h${r0(ww)}`, '#2a1c1a', 5);
        o += roof(x, yy + 4, ww + 44, 22, ww * 0.94, '#232639', 0.1);
      }
      o += roof(x, y - floors * fh + 4, w + 30, 64, w * 0.5, '#1c2034', 0.16);
      return o;
    };
    s.put(inn(120, 560, 270, 3, 74, '#4b3129'), inn(390, 520, 220, 3, 62, '#573a2e'), inn(610, 500, 170, 2, 58, '#4b3129'), inn(820, 520, 230, 3, 62, '#5b3c2f'), inn(1090, 560, 280, 3, 76, '#4a3028'));
    s.put(path('M0 552H1200V800H0z', s.grad([[0, '#5d4a48'], [100, '#2b2730']])));
    s.put(path('M210 800C250 690 330 600 420 566H800C890 600 960 690 1000 800z', s.grad([[0, '#9fd3c4'], [60, '#5aa7a6'], [100, '#2e6f7c']])));
    // wooden channels of the hot-water field
    for (let i = 0; i < 7; i++) { const x0 = 470 + i * 46, x1 = 330 + i * 92; s.put(path(`M${x0} 576h26L${x1 + 54} 700h-46z`, s.grad([[0, '#6a4a34'], [100, '#a67a4f']])), line(`M${x0 + 13} 578 ${x1 + 30} 698`, '#d7f0e2', 7)); }
    s.put(path('M300 700H930L944 722H286z', '#4a3226'), line('M320 722v40M400 722v58M480 722v46M560 722v62M640 722v50M720 722v60M800 722v44M880 722v54', '#dff5ec', 12, ' stroke-linecap="round" opacity=".8"'));
    s.put(line('M190 800C230 690 310 600 410 560H810C910 600 980 690 1020 800', '#8b8078', 14), line('M190 800C230 690 310 600 410 560H810C910 600 980 690 1020 800', '#c9bcae', 4));
    for (const [x, y, k] of [[250, 660, 1], [350, 580, 0.7], [870, 580, 0.7], [975, 660, 1], [140, 730, 1.2], [1080, 730, 1.2]]) s.put(at(x, y, k, circle(0, -84, 90, lamp) + rect(-4, -70, 8, 74, '#2a2230') + path('M-16-102h32l-6 34h-20z', '#ffe3a0') + path('M-22-104h44L0-120z', '#2a2230')));
    const guest = (x, y, k, c, b) => at(x, y, k, path('M-16-62q16-12 32 0l6 62h-44z', c) + rect(-18, -40, 36, 9, b) + circle(0, -76, 12, '#3a2620') + circle(0, -72, 9, '#eac6a2'));
    s.put(guest(110, 770, 1.1, '#3d5c91', '#c9a24a'), guest(162, 776, 1, '#e9e2d2', '#9a3a24'), guest(1050, 778, 1.05, '#7a3550', '#e0c27a'));
    for (const [x, y, r, o] of [[480, 540, 120, 0.5], [640, 470, 150, 0.42], [560, 380, 130, 0.34], [720, 330, 140, 0.28], [640, 240, 130, 0.2], [760, 560, 110, 0.45], [400, 620, 110, 0.4], [860, 640, 120, 0.38], [600, 640, 160, 0.45]]) s.put(circle(x, y, r, s.steam ??= s.glow('#fff6ec', 0.8, 0.4), ` opacity="${o * 1.5}"`));
    return s.end();
  },

  fireworks(name) {
    const s = new Sheet(name);
    s.put(s.sky([[0, '#070d22'], [60, '#16264c'], [78, '#3a3f66']]));
    s.put(s.ridge([[0, 540], [240, 500], [520, 530], [820, 490], [1200, 530]], 16, '#0d1630', { base: 600 }));
    s.put(rect(0, 566, 1200, 234, s.grad([[0, '#26365f'], [40, '#141f40'], [100, '#0a1128']])));
    const burst = (x, y, r, c1, c2, n, core = '#fff6d8') => {
      let long = '', tips = '', short = '';
      for (let i = 0; i < n; i++) {
        const a = (i / n) * 6.2832 + s.between(-0.02, 0.02), q = r * s.between(0.9, 1.04), cx = Math.cos(a), cy = Math.sin(a), droop = r * 0.1;
        long += `M${r0(x + cx * r * 0.34)} ${r0(y + cy * r * 0.34)}Q${r0(x + cx * q * 0.75)} ${r0(y + cy * q * 0.75)} ${r0(x + cx * q)} ${r0(y + cy * q + droop)}`;
        tips += `M${r0(x + cx * q)} ${r0(y + cy * q + droop)}h0`;
        if (i % 2) short += `M${r0(x + cx * r * 0.12)} ${r0(y + cy * r * 0.12)}L${r0(x + cx * r * 0.42)} ${r0(y + cy * r * 0.42)}`;
      }
      return circle(x, y, r * 1.3, s.glow(c1, 0.5, 0.16)) + line(long, c1, Math.max(2, r / 70), ' opacity=".9"') + line(short, core, Math.max(2, r / 60)) + `<path d="${tips}" stroke="${c2}" stroke-width="${r0(r / 20)}" stroke-linecap="round"/>`;
    };
    s.put(burst(600, 250, 240, '#ffcf6e', '#fff2c4', 56), burst(270, 200, 140, '#ef6a5a', '#ffd2b8', 40), burst(930, 190, 150, '#7fc4ff', '#e3f4ff', 40), burst(430, 420, 84, '#b58cff', '#eee2ff', 30), burst(800, 410, 92, '#7fe0b0', '#e6fff0', 30), burst(110, 380, 70, '#ffcf6e', '#fff', 26), burst(1090, 390, 76, '#ff8fb2', '#ffe6ee', 28));
    s.put(line('M600 556Q592 470 600 500M430 556V500M800 556V500', '#ffdf9a', 4, ' stroke-linecap="round" opacity=".7"'));
    // the long bridge
    let arches = '';
    for (let i = 0; i < 9; i++) arches += `M${i * 140 - 30} 566Q${i * 140 + 40} 506 ${i * 140 + 110} 566`;
    s.put(line('M0 566H1200', '#0a1024', 12), line(arches, '#0a1024', 7), s.dots(1, 0, 0, 1, 1, '#fff', 1));
    let lights = '';
    for (let x = 20; x < 1200; x += 46) lights += `M${x} 552h0`;
    s.put(`<path d="${lights}" stroke="#ffe6a8" stroke-width="7" stroke-linecap="round"/>`);
    s.put(s.glints(60, 586, 720, '#ffcf6e', 0.75, 420, 780), s.glints(34, 586, 720, '#ef6a5a', 0.6, 150, 400), s.glints(34, 586, 720, '#7fc4ff', 0.6, 800, 1060));
    s.put(s.hill([[0, 776], [300, 764], [700, 774], [1200, 760]], '#04070f'));
    let heads = '';
    for (let i = 0; i < 46; i++) { const x = i * 27 + s.between(-6, 6), y = 752 + s.between(-8, 12); heads += `M${r0(x)} ${r0(y)}h0`; }
    s.put(`<path d="${heads}" stroke="#04070f" stroke-width="22" stroke-linecap="round"/>`, line(heads.replaceAll('h0', 'm0 16v40'), '#04070f', 27));
    const fan = (x, y) => path(`M${x} ${y}l-14-22q14-14 28 0z`, '#c9483a');
    s.put(fan(338, 752), fan(712, 748), fan(928, 750));
    return s.end();
  },

  shinkansen(name) {
    const s = new Sheet(name);
    s.put(s.sky([[0, '#3f7fb8'], [40, '#a9cfe4'], [66, '#f2ead8']]), s.mist(140, '#fff', 0.65, 5, 60, 24));
    s.put(s.ridge([[0, 420], [140, 300], [260, 340], [400, 200], [500, 270], [620, 140], [740, 250], [860, 190], [980, 300], [1100, 240], [1200, 330]], 30, s.grad([[0, '#5478a6'], [100, '#b7cbd9']])), s.snowcap(360, '#fcfdfd', 110));
    s.put(s.veil(350, 130, '#eef2ee', 0.85));
    s.put(s.ridge([[0, 440], [300, 410], [640, 446], [900, 414], [1200, 440]], 12, s.grad([[0, '#537a6c'], [100, '#8da98c']])));
    s.put(rect(0, 462, 1200, 338, s.grad([[0, '#b9c98a'], [100, '#7fa15a']])));
    // paddies with the sky in them
    s.put(path('M0 640 340 600 560 800H0zM380 596 700 576 1010 800H620zM740 574 1200 560V800H1080z', s.grad([[0, '#d6e7ec'], [100, '#7fb0cb']])));
    for (let i = 0; i < 11; i++) { const y = 612 + i * 17; s.put(line(`M0 ${y + 24}L${r0(330 + i * 16)} ${y - 6}`, '#6f9a4e', 3, ' stroke-dasharray="5 13" opacity=".85"'), line(`M${r0(400 + i * 18)} ${y - 10}L${r0(720 + i * 26)} ${y - 32}`, '#6f9a4e', 3, ' stroke-dasharray="5 13" opacity=".85"'), line(`M${r0(770 + i * 30)} ${y - 36}L1200 ${y - 48}`, '#6f9a4e', 3, ' stroke-dasharray="5 13" opacity=".85"')); }
    s.put(s.firs(9, 60, 260, () => 500, 40, 70, '#35584a'), s.foliage(170, 500, 90, 14, 20, ['#2f5044', '#41684f'], 26));
    const farm = (x, y, k) => at(x, y, k, rect(-50, -40, 100, 40, '#efe7d6') + path('M-66-38 0-84 66-38z', '#39465a') + rect(-12, -26, 24, 26, '#6b4a36'));
    s.put(farm(130, 520, 0.8), farm(220, 526, 0.65));
    // viaduct
    s.put(path('M0 500 1200 470V500L0 536z', '#d3cfc4'), path('M0 524 1200 492V500L0 536z', '#9a978d'));
    for (let i = 0; i < 8; i++) { const x = 60 + i * 158; s.put(path(`M${x} ${532 - i * 4}h30v${70 - i * 2}h-30z`, '#b5b1a6')); }
    // the train: body falls away to the left; nose at the right
    s.put(path('M0 424 760 404C900 400 1010 430 1076 470 1086 480 1080 490 1062 491L0 512z', '#f4f1e9'));
    s.put(path('M0 424 760 404C840 402 912 412 972 430L0 450z', '#2c4f86'), path('M0 452 976 432C1010 442 1044 456 1068 472L0 492z', '#f7f4ec'));
    s.put(path('M0 462 1030 450 1046 458 0 472z', '#b98a3c'), path('M0 476 1066 470C1076 478 1082 490 1062 491L0 512z', '#c9ced3'));
    s.put(path('M868 412C920 414 968 428 1000 444L940 446C910 430 890 420 868 412z', '#16243b'));
    let win = '';
    for (let i = 0; i < 17; i++) { const x = 20 + i * 48; if (i % 6 !== 5) win += `M${x} ${r0(434 - i * 1.1)}h26v14h-26z`; }
    s.put(path(win, '#1c2c47'), line('M300 419V506M600 411V500', '#8c939b', 2.5), path('M1034 462l24 6-4 6-22-4z', '#fff6c4'));
    s.put(line('M120 410H700', '#7b8794', 3, ' opacity=".5"'));
    for (let i = 0; i < 6; i++) { const x = 70 + i * 210, y = 512 - i * 5; s.put(line(`M${x} ${y}v-150h70`, '#5f6b78', 5)); }
    s.put(line('M0 372 1200 330M0 384 1200 342', '#5f6b78', 2), s.birds(960, 210, 4, 13, '#40597a'));
    s.put(s.foliage(60, 790, 130, 26, 40, ['#4d7a44', '#6f9a4e', '#8fb566'], 34), s.foliage(1150, 796, 120, 24, 40, ['#4d7a44', '#6f9a4e', '#8fb566'], 34));
    return s.end();
  },
};
