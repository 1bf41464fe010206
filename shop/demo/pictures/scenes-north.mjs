// Hokkaido and Tohoku: drift ice, lavender, Otaru, Lake Toya, Ginzan.
import { Sheet, at, circle, curve, line, path, poly, r0, rect, roof, shape } from './brush.mjs';

export const north = {
  'drift-ice'(name) {
    const s = new Sheet(name);
    s.put(s.sky([[0, '#26467c'], [30, '#7d8fb5'], [48, '#e9b9a4'], [60, '#f9dfb4']]));
    s.put(circle(300, 400, 260, s.glow('#ffe0a0', 0.9, 0.35)), circle(300, 402, 40, '#fff1cf'));
    s.put(s.mist(180, '#f7cdb8', 0.4, 6, 70, 18));
    s.put(s.ridge([[420, 430], [520, 350], [600, 372], [700, 270], [790, 330], [880, 240], [960, 300], [1060, 260], [1200, 350]], 26, s.grad([[0, '#5b6f9e'], [100, '#b9a9b6']]), { base: 440 }), s.snowcap(400, '#fbeee6', 70));
    s.put(s.ridge([[0, 426], [160, 410], [300, 424], [460, 416], [700, 428]], 6, '#8e86a6', { base: 440 }));
    s.put(rect(0, 428, 1200, 372, s.grad([[0, '#c7a7a4'], [14, '#6c7fa6'], [50, '#2c4f80'], [100, '#12305c']])));
    s.put(s.glints(40, 432, 520, '#ffe3b0', 0.8, 180, 440));
    // floes: small and dense far away, large near
    const d = (p, dy) => shape(p.map(([a, b]) => [a, b + dy]));
    for (let row = 0; row < 11; row++) {
      const y = 446 + Math.pow(row / 10, 1.7) * 340, w = 30 + row * row * 2.1, pitch = w * 1.26, shade = [], top = [[], []];
      for (let x = s.between(-w, 0); x < 1240; x += pitch * s.between(0.85, 1.3)) {
        const lane = 520 + (y - 446) * 0.35, half = 26 + (y - 446) * 0.5;
        if ((Math.abs(x - lane) < half + w * 0.4 && y > 500) || s.rnd() > 0.9) continue;
        const n = row < 4 ? 5 : 8, ww = w * s.between(0.8, 1.15), h = ww * 0.27, yy = y + s.between(-6, 6), p = [];
        for (let i = 0; i < n; i++) { const a = (i / n) * 6.283 + 0.3, q = s.between(0.78, 1.08); p.push([x + Math.cos(a) * ww * 0.5 * q, yy + Math.sin(a) * h * 0.5 * q]); }
        shade.push(d(p, Math.max(2, w * 0.06)));
        top[s.rnd() < 0.6 ? 0 : 1].push(d(p, 0));
      }
      s.put(path(shade.join(''), '#7fa3c6'), path(top[0].join(''), '#f7fafc'), path(top[1].join(''), '#fbf1ea'));
    }
    // icebreaker, bow to the viewer's left
    s.put(at(560, 566, 1.12, path('M-150-44C-146-20-134 4-112 14H120q24-20 30-62z', '#b23a28') + path('M-140 0q10 10 28 14H120q10-8 16-16z', '#7b2519') + path('M-150-44l14-14H150v14z', '#f6f2e8') +
      path('M-84-58h190v-32H-70z', '#faf7ef') + path('M-60-90H92v-30H-48z', '#f3efe4') + path('M-30-120h84v-26h-76z', '#fbf9f3') + rect(56, -172, 34, 54, '#b23a28') + rect(56, -164, 34, 10, '#f6f2e8') +
      path('M-72-80H96v10H-76zM-50-110H84v10H-54z', '#33507c') + path('M-26-140h72v12h-76z', '#1d3153') + line('M4-146V-206M-24-178H34M4-204-120-58M4-204 140-58', '#3a3f4e', 2.5)));
    s.put(path('M400 584q20-14 60-10 40 14 110 14t130-8q30 4 34 12-60 16-170 16t-164-24z', '#e9f3f7', ' opacity=".9"'));
    s.put(at(850, 196, 1.5, path('M0 0C-30-26-66-30-100-14-70-16-46-6-26 10L-6 14 2 26 12 14 30 8C50-10 78-20 106-18 72-32 34-26 0 0z', '#1f2740') + path('M-6 12 2 28 14 12z', '#fff') + path('M-100-14q14-4 30-2l4 8q-18-8-34-6zM106-18q-14-4-30 0l-2 8q16-8 32-8z', '#f3f0ea')));
    return s.end();
  },

  lavender(name) {
    const s = new Sheet(name);
    s.put(s.sky([[0, '#3f86c6'], [38, '#a3d0e8'], [56, '#f4efdf']]));
    for (const [x, y, k] of [[220, 120, 1], [700, 90, 1.3], [1040, 170, 0.8]]) s.put(at(x, y, k, path('M-120 20q0-26 34-24 6-34 46-30 24-26 56 0 40-8 46 24 40-6 44 30z', '#fff', ' opacity=".92"')));
    s.put(s.ridge([[0, 400], [160, 330], [320, 360], [480, 270], [600, 310], [720, 250], [850, 300], [1000, 260], [1200, 350]], 26, s.grad([[0, '#6a8fb8'], [100, '#c9dade']]), { base: 480 }), s.snowcap(310, '#f9fbfb', 54));
    s.put(path('M716 248q-10-30 8-48t0-50q26 24 12 52t4 46z', '#fff', ' opacity=".75"'));
    s.put(s.hill([[0, 420], [240, 396], [520, 424], [820, 398], [1200, 416]], s.grad([[0, '#7fa781'], [100, '#b9cf8f']])));
    s.put(s.hill([[0, 452], [300, 430], [600, 446], [900, 424], [1200, 446]], s.grad([[0, '#d9c66a'], [100, '#e9dc9a']])));
    s.put(s.hill([[0, 470], [260, 468], [560, 452], [900, 462], [1200, 450]], '#6d9a5f'));
    s.put(s.firs(16, 840, 1180, (x) => 462, 44, 92, '#33604f'), s.firs(9, 60, 210, () => 474, 34, 64, '#33604f'));
    // the rows: curved bands meeting at a point on the hill
    const vx = 640, vy = 452;
    const violets = ['#6a4aa0', '#7d5cb4', '#8f6fc4', '#7552aa'];
    const rows = 15;
    for (let i = 0; i < rows; i++) {
      const x0 = -900 + i * 200, x1 = x0 + 128;
      const bend = (x) => `Q${r0(vx + (x - vx) * 0.28)} ${vy + 96} `;
      s.put(path(`M${vx - 40 + i * 5.6} ${vy + 12}${bend(x0)}${x0} 812H${x1}${bend(x1)}${vx - 37 + i * 5.6} ${vy + 12}z`, s.grad([[0, '#b7a3d6'], [30, violets[i % 4]], [100, '#4d3384']])));
    }
    const under = s.body.splice(s.body.length - rows, rows);
    s.put(s.hill([[0, 480], [300, 474], [640, 456], [940, 470], [1200, 478]], s.grad([[0, '#8fae6a'], [100, '#5d8350']])), ...under);
    // flower tips: strokes along the near rows
    for (const [c, n, o] of [['#b79be0', 250, 0.9], ['#d9c6f2', 150, 0.9], ['#4d3384', 130, 0.55]]) {
      let d = '';
      for (let k = 0; k < n; k++) {
        const i = Math.floor(s.between(0, rows)), t = Math.pow(s.rnd(), 0.55), x0 = -900 + i * 200 + s.between(6, 120), u = 1 - t;
        const qx = vx + (x0 - vx) * 0.28, x = u * u * (vx + i * 5.6 - 38) + 2 * u * t * qx + t * t * x0, y = u * u * (vy + 12) + 2 * u * t * (vy + 96) + t * t * 812;
        if (x > -10 && x < 1210 && y < 800) d += `M${r0(x)} ${r0(y)}v-${r0(3 + 13 * t)}`;
      }
      s.put(`<path d="${d}" stroke="${c}" stroke-width="4" stroke-linecap="round" opacity="${o}"/>`);
    }
    s.put(at(356, 470, 1, rect(-42, -34, 84, 34, '#f6efe2') + path('M-54-32 0-72 54-32z', '#b5402a') + rect(-10, -22, 18, 22, '#5a4336') + rect(18, -26, 14, 12, '#5f86a8')));
    s.put(at(470, 464, 1, rect(-3, -20, 6, 20, '#4b3a2c')), s.foliage(470, 424, 30, 26, 26, ['#3f6f4c', '#578a58', '#6f9f63'], 22));
    return s.end();
  },

  'otaru-canal'(name) {
    const s = new Sheet(name);
    s.put(s.sky([[0, '#1d2b57'], [35, '#4d5688'], [58, '#b98a93'], [72, '#f0bd8c']]));
    s.put(s.dots(26, 0, 0, 1200, 200, '#fff', 2.5, 0.8));
    s.put(s.ridge([[0, 400], [200, 330], [420, 384], [640, 340], [820, 392]], 16, s.grad([[0, '#3d4875'], [100, '#8f7f98']]), { base: 480 }), s.snowcap(372, '#c9c6da', 30));
    const lamp = s.glow('#ffc76b', 0.9, 0.32);
    // canal
    s.put(path('M330 470H560L1200 700V800H60z', s.grad([[0, '#d99f86'], [30, '#6b5f8a'], [100, '#1b2850']])));
    // warehouses on the right bank, in perspective towards (470, 440)
    const vx = 440, vy = 446;
    const stone = ['#8c7f78', '#7b7280', '#93867a', '#6f6a7c'];
    const edges = [1500, 1080, 800, 660, 590, 552];
    for (let i = edges.length - 2; i >= 0; i--) {
      const a = edges[i + 1], b = edges[i], ya = (x) => vy + (x - vx) * 0.36, top = (x) => vy - (x - vx) * 0.42;
      s.put(poly([[a, top(a)], [b, top(b)], [b, ya(b)], [a, ya(a)]], s.grad([[0, stone[i % 4]], [100, '#4a4560']])));
      let courses = '';
      for (const f of [0.12, 0.5, 0.88]) courses += `M${r0(a)} ${r0(top(a) + (ya(a) - top(a)) * f)}L${r0(b)} ${r0(top(b) + (ya(b) - top(b)) * f)}`;
      s.put(line(courses, '#3f3b55', r0(4 - i * 0.6), ' opacity=".45"'));
      const ridge = (q) => top(q) - (q - vx) * 0.17, ra = a + (b - a) * 0.05, rb = b - (b - a) * 0.04;
      s.put(poly([[a - 5, top(a) + 4], [b + 5, top(b) + 4], [rb, ridge(rb)], [ra, ridge(ra)]], s.grad([[0, '#f4f6fb'], [100, '#c5cce0']])));
      s.put(poly([[a - 4, top(a) + 4], [b, top(b) + 4], [b, top(b) + 10 + (b - vx) * 0.012], [a - 4, top(a) + 8]], '#aab4cf'));
      const n = Math.max(2, 4 - Math.floor(i / 2));
      for (let k = 0; k < n; k++) for (const [f0, f1] of [[0.24, 0.44], [0.58, 0.8]]) {
        const x0 = a + (b - a) * (k + 0.25) / n, x1 = a + (b - a) * (k + 0.68) / n, y = (x, f) => top(x) + (ya(x) - top(x)) * f;
        s.put(poly([[x0, y(x0, f0)], [x1, y(x1, f0)], [x1, y(x1, f1)], [x0, y(x0, f1)]], s.pick(['#ffd98c', '#ffc768', '#ffdfa0', '#4d4a66'])));
      }
    }
    // reflections of windows
    for (const c of ['#ffcf7a', '#ffb85c', '#f2a088']) {
      let d = '';
      for (let i = 0; i < 20; i++) { const t = Math.pow(s.rnd(), 0.7), x = 580 + 600 * t; d += `M${r0(x - 14 * t)} ${r0(500 + (x - 560) * 0.36 + s.between(4, 80 * t + 8))}h${r0(10 + 46 * t)}`; }
      s.put(line(d, c, 4, ' stroke-linecap="round" opacity=".65"'));
    }
    s.put(s.glints(40, 500, 790, '#e7b7a4', 0.4, 180, 760));
    // promenade on the left with snow and gas lamps
    s.put(path('M0 470H330L60 800H0z', s.grad([[0, '#b7a9bd'], [100, '#dfe3ee']])), path('M330 470 60 800h34L346 474z', '#6f6880'), path('M330 466 52 792l18 8L346 470z', '#f4f6fb'));
    for (const [x, y, k] of [[300, 478, 0.34], [262, 516, 0.5], [208, 576, 0.75], [126, 672, 1.15]]) s.put(at(x, y, k, circle(0, -214, 150, lamp) + rect(-5, -196, 10, 200, '#20243c') + path('M-26-240h52l-10 46h-32z', '#fff0c2') + path('M-34-242h68L0-270z', '#20243c') + path('M-30-244h60L0-268z', '#eef1f8') + rect(-14, -4, 28, 10, '#20243c')));
    const walker = (x, y, k, c, u) => at(x, y, k, path('M-18-64q18-12 36 0l8 64h-52z', c) + circle(0, -78, 13, '#3a2620') + (u ? path('M-44-88Q0-140 44-88z', u) + line('M0-112V-40', '#20243c', 3) : ''));
    s.put(walker(190, 708, 1, '#3a466f', '#b5402a'), walker(238, 700, 0.95, '#7a3b48'), walker(292, 560, 0.5, '#2f3a5c', '#d9a441'));
    s.put(at(470, 640, 1, path('M-70 0h150l-22 22h-100z', '#2b2036') + rect(-30, -20, 60, 20, '#5a3a3a') + circle(52, -14, 40, lamp) + rect(46, -22, 12, 18, '#ffe3a0')));
    s.put(s.snowfall(110));
    return s.end();
  },

  'toya-lake'(name) {
    const s = new Sheet(name);
    s.put(s.sky([[0, '#27306b'], [30, '#6a62a0'], [50, '#d98f95'], [64, '#f7cf9a']]), s.dots(40, 0, 0, 1200, 180, '#fff', 2.5, 0.85));
    s.put(s.mist(230, '#f3a99a', 0.4, 6, 60, 16));
    // Mount Yotei
    s.put(path('M250 470C400 430 500 330 566 212L590 220 610 208 634 214C700 332 800 430 960 470z', s.grad([[0, '#54619a'], [100, '#b08fa6']])));
    s.put(path('M494 322C528 280 548 246 566 212L590 220 610 208 634 214C652 246 672 280 706 322L690 300 682 346 660 296 648 360 628 300 612 340 598 292 578 366 562 302 546 342 526 298 514 336z', '#fbeee6'));
    s.put(s.ridge([[0, 440], [160, 410], [340, 448], [560, 460], [820, 446], [1000, 400], [1200, 436]], 14, s.grad([[0, '#4b5288'], [100, '#8d7794']]), { base: 490 }));
    s.put(rect(0, 470, 1200, 330, s.grad([[0, '#f0b894'], [16, '#b8849a'], [50, '#5a5a94'], [100, '#262f63']])));
    s.put(path('M420 476C520 500 560 560 584 640H620C650 560 700 500 800 476z', '#fbe3d4', ' opacity=".28"'), s.glints(60, 480, 780, '#ffdcb4', 0.6));
    // the islands
    const isle = (x, y, w, h) => at(x, y, 1, path(`M${-w / 2} 0C${-w * 0.36} ${-h * 0.7} ${-w * 0.2} ${-h} ${-w * 0.04} ${-h}C${w * 0.14} ${-h} ${w * 0.2} ${-h * 0.5} ${w * 0.3} ${-h * 0.42}C${w * 0.4} ${-h * 0.36} ${w * 0.44} 0 ${w / 2} 0z`, s.grad([[0, '#2f4a62'], [100, '#1c2f4c']])) + path(`M${-w / 2} 2C${-w * 0.3} ${h * 0.4} ${w * 0.3} ${h * 0.4} ${w / 2} 2z`, '#1c2f4c', ' opacity=".4"'));
    s.put(isle(640, 540, 330, 120), isle(410, 532, 130, 52), isle(880, 536, 150, 60));
    s.put(s.firs(24, 540, 720, () => 536, 16, 34, '#182a44'));
    s.put(at(330, 640, 1, path('M-84 0H90L70 26H-64z', '#f4efe6') + rect(-50, -24, 110, 24, '#fbf7ef') + path('M-56-26 4-52 66-26z', '#3d5c91') + rect(-10, -66, 30, 20, '#fbf7ef') + path('M-18-64 5-82 28-64z', '#3d5c91') + path('M-42-16h16v10h-16zM-16-16H0v10h-16zM10-16h16v10H10zM36-16h16v10H36z', '#ffd98c') + line('M-80 34H80M-50 46H60', '#f4dccb', 4, ' opacity=".6" stroke-linecap="round"')));
    s.put(s.hill([[0, 720], [200, 700], [460, 748], [700, 790], [900, 800]], s.grad([[0, '#28345a'], [100, '#141d3a']])), s.hill([[760, 800], [960, 752], [1200, 716]], s.grad([[0, '#28345a'], [100, '#141d3a']])));
    // silver birches
    const birch = (x, y, h, lean) => line(`M${x} ${y}Q${x + lean * 10} ${y - h / 2} ${x + lean * 26} ${y - h}`, '#e9e4e6', h / 26) + line(`M${x - 2} ${y - h * 0.2}h7M${x + lean * 6} ${y - h * 0.42}h6M${x + lean * 13} ${y - h * 0.66}h5M${x + lean * 8} ${y - h * 0.52}h4`, '#2b2f4c', 3) + line(`M${x + lean * 9} ${y - h * 0.5}q30-30 46-60M${x + lean * 14} ${y - h * 0.66}q-30-24-40-56M${x + lean * 18} ${y - h * 0.78}q24-20 34-44`, '#cfc8d2', 4);
    s.put(birch(84, 806, 516, 1), birch(168, 806, 416, 1), birch(1114, 806, 496, -1), birch(1042, 806, 356, -1));
    s.put(s.foliage(126, 310, 110, 76, 90, ['#b5663a', '#d98f45', '#edbb66'], 24), s.foliage(210, 420, 70, 46, 46, ['#b5663a', '#d98f45', '#edbb66'], 20), s.foliage(1084, 330, 110, 76, 90, ['#b5663a', '#d98f45', '#edbb66'], 24), s.foliage(1000, 470, 70, 44, 46, ['#b5663a', '#d98f45', '#edbb66'], 20));
    return s.end();
  },

  'ginzan-onsen'(name) {
    const s = new Sheet(name);
    s.put(s.sky([[0, '#101a3a'], [50, '#2c3f70'], [80, '#6a6f9c']]));
    s.put(s.ridge([[0, 210], [240, 130], [460, 210], [600, 250], [760, 200], [980, 120], [1200, 200]], 30, s.grad([[0, '#3c5486'], [100, '#8ea3c6']]), { base: 520 }), s.snowcap(230, '#dde6f2', 60));
    s.put(s.firs(24, 440, 760, (x) => 400, 50, 110, '#22365c'), s.veil(330, 130, '#7f8fb8', 0.45));
    const lamp = s.glow('#ffc76b', 0.9, 0.32);
    const vx = 600, vy = 440;
    // three-storied wooden inns along both banks, in perspective
    const side = (dir, edges) => {
      for (let i = edges.length - 2; i >= 0; i--) {
        const a = edges[i + 1], b = edges[i], X = (q) => vx + dir * q, panes = { '#ffd98c': '', '#ffc768': '', '#f2b05c': '', '#8a5a3a': '' }, eaves = [], snow = [];
        const base = (q) => vy + q * 0.3, height = (q) => q * 0.95 * [0.9, 1.06, 0.86, 1.04, 0.9][i % 5];
        const top = (q) => base(q) - height(q);
        s.put(poly([[X(a), top(a)], [X(b), top(b)], [X(b), base(b)], [X(a), base(a)]], s.grad([[0, ['#5b3b2c', '#4a3028', '#67442f', '#50342c'][i % 4]], [100, '#33211f']])));
        for (let f = 0; f < 3; f++) {
          const y = (q, t) => top(q) + height(q) * ((f + t) / 3);
          const n = i > 1 ? 2 : 4;
          for (let k = 0; k < n; k++) {
            const q0 = a + (b - a) * (k + 0.16) / n, q1 = a + (b - a) * (k + 0.86) / n;
            panes[s.pick(Object.keys(panes))] += shape([[X(q0), y(q0, 0.3)], [X(q1), y(q1, 0.3)], [X(q1), y(q1, 0.78)], [X(q0), y(q0, 0.78)]]);
          }
          // the eaves of each floor carry snow
          (f ? eaves : snow).push(shape([[X(a - (b - a) * 0.03), y(a, 0) - 2], [X(b + (b - a) * 0.03), y(b, 0) - 2], [X(b + (b - a) * 0.03), y(b, 0.12)], [X(a - (b - a) * 0.03), y(a, 0.12)]]));
          if (f) snow.push(shape([[X(a), y(a, 0) - 4], [X(b), y(b, 0) - 4], [X(b), y(b, 0.045)], [X(a), y(a, 0.045)]]));
        }
        s.put(Object.entries(panes).map(([c, d]) => path(d, c)), path(eaves.join(''), '#2a2236'), path(snow.join(''), '#eaf0f8'));
        const ra = a + (b - a) * 0.1, rb = b - (b - a) * 0.1;
        s.put(poly([[X(a - 4), top(a) + 2], [X(b + 6), top(b) + 2], [X(rb), top(rb) - rb * 0.15], [X(ra), top(ra) - ra * 0.15]], s.roofSnow ??= s.grad([[0, '#fbfcfe'], [100, '#c9d4e6']])));
      }
    };
    side(-1, [680, 460, 310, 215, 155, 118]);
    side(1, [700, 480, 320, 222, 158, 120]);
    // the stream between snowy banks
    s.put(path('M486 476H714L1200 640V800H0V640z', s.grad([[0, '#b9c6de'], [100, '#eef3fa']])));
    s.put(path('M540 478H660C700 560 840 680 960 800H240C360 680 500 560 540 478z', s.grad([[0, '#3a4d78'], [60, '#22345e'], [100, '#15244a']])));
    for (const c of ['#ffcf7a', '#ffb85c', '#9fb6dc']) {
      let d = '';
      for (let i = 0; i < 18; i++) { const t = Math.pow(s.rnd(), 0.7), half = 40 + 300 * t; d += `M${r0(600 + s.between(-half, half) * 0.8)} ${r0(490 + 300 * t)}h${r0(6 + 40 * t)}`; }
      s.put(line(d, c, 4, ' stroke-linecap="round" opacity=".65"'));
    }
    // red bridge in the middle distance
    s.put(line('M470 566Q600 520 730 566', '#7c2115', 16), line('M470 560Q600 514 730 560', '#f3f6fb', 6), line('M470 530Q600 484 730 530', '#c23c26', 7));
    for (let i = 0; i <= 6; i++) { const t = i / 6, x = 470 + 260 * t, y = 566 - 92 * t * (1 - t); s.put(rect(x - 4, y - 42, 8, 42, '#c23c26')); }
    const guest = (x, y, k, c, u) => at(x, y, k, path('M-16-60q16-12 32 0l7 60h-46z', c) + circle(0, -74, 12, '#3a2620') + path('M-44-84Q0-134 44-84z', u) + line('M0-106V-40', '#20243c', 3));
    s.put(guest(590, 536, 0.62, '#3d5c91', '#c23c26'), guest(626, 536, 0.6, '#7a3b48', '#e3c27a'));
    for (const [x, y, k] of [[478, 560, 0.5], [722, 560, 0.5], [352, 632, 0.85], [848, 632, 0.85], [150, 744, 1.35], [1050, 744, 1.35]]) s.put(at(x, y, k, circle(0, -132, 110, lamp) + rect(-4, -112, 8, 116, '#20243c') + path('M-16-146h32l-6 36h-20z', '#fff0c2') + path('M-22-148h44L0-164z', '#20243c') + path('M-20-150h40L0-162z', '#eef3fa')));
    s.put(s.snowfall(100));
    return s.end();
  },
};
