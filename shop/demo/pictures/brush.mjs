// The brushes that draw.mjs paints with: seeded chance, skies, ridges, mist, trees, roofs, snow. Each returns a piece of SVG as text.
// Numbers are rounded to whole units so that a picture stays under 20 kB. No picture holds a script, a style or an outside address.

export function chance(seed) {
  let a = 2166136261;
  for (const c of seed) a = Math.imul(a ^ c.charCodeAt(0), 16777619);
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
export const r0 = Math.round;
export const r1 = (v) => Math.round(v * 10) / 10;

// One sheet of paper: collects gradients, gives ids, wraps up.
export class Sheet {
  constructor(name, w = 1200, h = 800) {
    Object.assign(this, { name, w, h, defs: [], body: [], n: 0, rnd: chance(name) });
  }
  between(a, b) { return a + (b - a) * this.rnd(); }
  pick(list) { return list[Math.floor(this.rnd() * list.length)]; }
  put(...pieces) { this.body.push(...pieces.flat(9)); return this; }
  id() { return 'abcdefghijklmnopqrstuvwxyz'[this.n % 26] + (this.n++ < 26 ? '' : Math.floor((this.n - 1) / 26)); }
  // vertical gradient by default; stops: [offset%, colour, opacity?]
  grad(stops, { x1 = 0, y1 = 0, x2 = 0, y2 = 1 } = {}) {
    const id = this.id();
    const s = stops.map(([o, c, a]) => `<stop offset="${o}%" stop-color="${c}"${a === undefined ? '' : ` stop-opacity="${a}"`}/>`).join('');
    this.defs.push(`<linearGradient id="${id}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}">${s}</linearGradient>`);
    return `url(#${id})`;
  }
  glow(colour, inner = 0.9, mid = 0.35) {
    const id = this.id();
    this.defs.push(`<radialGradient id="${id}"><stop offset="0" stop-color="${colour}" stop-opacity="${inner}"/><stop offset="45%" stop-color="${colour}" stop-opacity="${mid}"/><stop offset="100%" stop-color="${colour}" stop-opacity="0"/></radialGradient>`);
    return `url(#${id})`;
  }
  symbol(markup) { const id = this.id(); this.defs.push(`<g id="${id}">${markup}</g>`); return id; }
  use(id, x, y, s = 1, sx = 1) {
    const t = s === 1 && sx === 1 ? `translate(${r0(x)} ${r0(y)})` : `translate(${r0(x)} ${r0(y)})scale(${r1(s * sx * 100) / 100} ${r1(s * 100) / 100})`;
    return `<use href="#${id}" transform="${t}"/>`;
  }
  sky(stops) { return rect(0, 0, this.w, this.h, this.grad(stops)); }
  // A mountain ridge by midpoint displacement. peaks: [x, y] guide points from left to right.
  ridge(peaks, rough, fill, { steps = 5, base = this.h } = {}) {
    let pts = peaks.map((p) => [...p]);
    let amp = rough;
    for (let i = 0; i < steps; i++, amp *= 0.52) {
      const next = [pts[0]];
      for (let k = 1; k < pts.length; k++) {
        const [ax, ay] = pts[k - 1], [bx, by] = pts[k];
        next.push([(ax + bx) / 2, (ay + by) / 2 + this.between(-amp, amp)], pts[k]);
      }
      pts = next;
      if (pts.length > 110) break;
    }
    this.last = pts;
    return poly([[pts[0][0], base], ...pts, [pts.at(-1)[0], base]], fill);
  }
  // Snow on the ridge drawn last: from the crest down to `line`, with a torn edge.
  snowcap(line, fill, depth = 60) {
    const top = this.last.filter(([, y]) => y < line);
    if (top.length < 3) return '';
    const runs = [];
    let run = [];
    this.last.forEach((p) => { if (p[1] < line) run.push(p); else if (run.length) { runs.push(run); run = []; } });
    if (run.length) runs.push(run);
    return runs.filter((q) => q.length > 2).map((q) => {
      const back = [];
      for (let i = q.length - 1, up = 0; i >= 0; i -= 1 + Math.floor(this.rnd() * 2.4), up ^= 1) {
        const [x, y] = q[i], d = Math.min(1, (line - y) / 50 + 0.12) * depth * (up ? this.between(0.2, 0.5) : this.between(0.75, 1.15));
        back.push([x + this.between(-5, 5), Math.min(line + 10, y + d)]);
      }
      return poly([...q, ...back], fill);
    }).join('');
  }
  // Soft hills: a smooth curve through guide points.
  hill(points, fill, base = this.h) { return `<path d="${curve(points)}V${base}H${r0(points[0][0])}z" fill="${fill}"/>`; }
  // Mist in the old manner: long bands with round ends.
  mist(y, colour, opacity, count = 5, spread = 60, thick = 26) {
    let d = '';
    for (let i = 0; i < count; i++) {
      const w = this.between(260, 720), x = this.between(-160, this.w - 200), yy = y + this.between(-spread, spread), h = this.between(thick * 0.5, thick);
      d += `M${r0(x)} ${r0(yy)}h${r0(w)}`;
      if (i % 2) d += `m-${r0(w * 0.6)} ${r0(h)}h${r0(w * 0.8)}`;
    }
    return `<path d="${d}" stroke="${colour}" stroke-width="${thick}" stroke-linecap="round" opacity="${opacity}" fill="none"/>`;
  }
  veil(y, h, colour, opacity = 1) { return rect(0, y, this.w, h, this.grad([[0, colour, 0], [50, colour, opacity], [100, colour, 0]])); }
  dots(n, x0, y0, x1, y1, colour, size, opacity = 1) {
    let d = '';
    for (let i = 0; i < n; i++) d += `M${r0(this.between(x0, x1))} ${r0(this.between(y0, y1))}h0`;
    return `<path d="${d}" stroke="${colour}" stroke-width="${size}" stroke-linecap="round"${opacity < 1 ? ` opacity="${opacity}"` : ''}/>`;
  }
  snowfall(n = 150) { return [this.dots(n, 0, 0, this.w, this.h, '#fff', 3, 0.6), this.dots(n / 2, 0, 0, this.w, this.h, '#fff', 5, 0.75), this.dots(n / 6, 0, 0, this.w, this.h, '#fff', 8, 0.85)]; }
  // Glints on water between y0 and y1, wider and sparser towards the viewer.
  glints(n, y0, y1, colour, opacity, x0 = 0, x1 = this.w) {
    const rows = [[], [], []];
    for (let i = 0; i < n; i++) {
      const t = Math.pow(this.rnd(), 1.4), y = y0 + (y1 - y0) * t, len = 14 + 90 * t * this.between(0.4, 1);
      rows[Math.min(2, Math.floor(t * 3))].push(`M${r0(this.between(x0, x1 - len / 2))} ${r0(y)}h${r0(len)}`);
    }
    return rows.map((d, i) => `<path d="${d.join('')}" stroke="${colour}" stroke-width="${[1.5, 2.5, 4][i]}" stroke-linecap="round" opacity="${opacity}"/>`);
  }
  // A crowd of leaves or blossom: blobs in several colours.
  foliage(cx, cy, rx, ry, n, colours, size) {
    return colours.map((c, k) => {
      let d = '';
      const share = (n / colours.length) * (1.25 - k * 0.18);
      for (let i = 0; i < share; i++) {
        const a = this.rnd() * 6.283, q = Math.sqrt(this.rnd()) * (1 - k * 0.05);
        d += `M${r0(cx + Math.cos(a) * rx * q)} ${r0(cy + Math.sin(a) * ry * q - k * ry * 0.09)}h0`;
      }
      return `<path d="${d}" stroke="${c}" stroke-width="${r1(size * (1 - k * 0.2))}" stroke-linecap="round"/>`;
    });
  }
  // A fir: ragged tiers.
  fir(x, y, h, fill, w = h * 0.36) {
    const tiers = 6, left = [], right = [];
    for (let i = 0; i < tiers; i++) {
      const t = (i + 1) / tiers, ww = w * 0.5 * t * this.between(0.85, 1.1), yy = y - h * (1 - t);
      left.push([x - ww, yy], [x - ww * 0.45, yy - h * 0.03]);
      right.push([x + ww, yy], [x + ww * 0.45, yy - h * 0.03]);
    }
    left.pop(); right.pop();
    return poly([[x, y - h], ...flat(left), ...flat(right).reverse()], fill);
  }
  // A wood of firs: three shapes, used again and again at different sizes.
  firs(n, x0, x1, yAt, h0, h1, fill) {
    const kinds = [0, 1, 2].map(() => this.symbol(this.fir(0, 0, 100, fill)));
    let out = '';
    for (let i = 0; i < n; i++) { const x = this.between(x0, x1), k = this.between(h0, h1) / 100; out += `<use href="#${kinds[i % 3]}" transform="translate(${r0(x)} ${r0(yAt(x))})scale(${Math.round(k * 100) / 100})"/>`; }
    return out;
  }
  // A Japanese pine: crooked trunk and flat cushions of needles.
  pine(x, y, h, trunk, needles, lean = 1) {
    const p = [];
    const top = [x + lean * h * 0.28, y - h];
    p.push(`<path d="M${r0(x - h * 0.035)} ${r0(y)}C${r0(x + lean * h * 0.02)} ${r0(y - h * 0.35)} ${r0(x - lean * h * 0.12)} ${r0(y - h * 0.55)} ${r0(top[0])} ${r0(top[1])}C${r0(x - lean * h * 0.04)} ${r0(y - h * 0.5)} ${r0(x + lean * h * 0.1)} ${r0(y - h * 0.3)} ${r0(x + h * 0.04)} ${r0(y)}z" fill="${trunk}"/>`);
    const cushions = [[0.22, -1.0, 0.34], [0.42, -0.82, 0.3], [-0.12, -0.78, 0.34], [0.3, -0.6, 0.32], [-0.24, -0.54, 0.28], [0.08, -0.92, 0.3]];
    for (const [dx, dy, w] of cushions) {
      const cx = x + lean * dx * h, cy = y + dy * h, ww = w * h * this.between(0.9, 1.15), hh = ww * 0.3;
      p.push(`<path d="M${r0(cx - ww / 2)} ${r0(cy + hh * 0.4)}q${r0(ww * 0.06)} ${r0(-hh)} ${r0(ww * 0.24)} ${r0(-hh * 0.8)}q${r0(ww * 0.14)} ${r0(-hh * 0.7)} ${r0(ww * 0.3)} ${r0(-hh * 0.1)}q${r0(ww * 0.24)} ${r0(-hh * 0.4)} ${r0(ww * 0.3)} ${r0(hh * 0.3)}q${r0(ww * 0.16)} 0 ${r0(ww * 0.16)} ${r0(hh * 0.6)}q${r0(-ww * 0.5)} ${r0(hh * 0.5)} ${r0(-ww)} 0z" fill="${needles}"/>`);
    }
    return p.join('');
  }
  birds(x, y, n, size, colour) {
    let d = '';
    for (let i = 0; i < n; i++) {
      const bx = x + this.between(-90, 90), by = y + this.between(-40, 40), s = size * this.between(0.6, 1.1);
      d += `M${r0(bx - s)} ${r0(by - s * 0.25)}q${r0(s * 0.5)} ${r0(-s * 0.35)} ${r0(s)} ${r0(s * 0.25)}q${r0(s * 0.5)} ${r0(-s * 0.6)} ${r0(s)} ${r0(-s * 0.25)}`;
    }
    return `<path d="${d}" fill="none" stroke="${colour}" stroke-width="3" stroke-linecap="round"/>`;
  }
  end() {
    const text = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${this.w} ${this.h}">\n<defs>${this.defs.join('\n')}</defs>\n${this.body.join('\n')}\n</svg>\n`;
    return text;
  }
}

const flat = (a) => a;
export function rect(x, y, w, h, fill, more = '') { return `<rect x="${r1(x)}" y="${r1(y)}" width="${r1(w)}" height="${r1(h)}" fill="${fill}"${more}/>`; }
export function circle(x, y, r, fill, more = '') { return `<circle cx="${r1(x)}" cy="${r1(y)}" r="${r1(r)}" fill="${fill}"${more}/>`; }
// The outline through points, as path data.
export function shape(points) {
  let [px, py] = points[0].map(r0);
  let d = `M${px} ${py}`;
  for (const p of points.slice(1)) {
    const x = r0(p[0]), y = r0(p[1]), dx = x - px, dy = y - py;
    d += dy === 0 ? `h${dx}` : dx === 0 ? `v${dy}` : `l${dx}${dy < 0 ? '' : ' '}${dy}`;
    px = x; py = y;
  }
  return d + 'z';
}
export const poly = (points, fill, more = '') => `<path d="${shape(points)}" fill="${fill}"${more}/>`;
export function path(d, fill, more = '') { return `<path d="${d}" fill="${fill}"${more}/>`; }
export function line(d, stroke, width, more = '') { return `<path d="${d}" fill="none" stroke="${stroke}" stroke-width="${width}"${more}/>`; }
// Smooth curve through points (Catmull-Rom as cubic).
export function curve(p) {
  let d = `M${r0(p[0][0])} ${r0(p[0][1])}`;
  for (let i = 0; i < p.length - 1; i++) {
    const a = p[Math.max(0, i - 1)], b = p[i], c = p[i + 1], e = p[Math.min(p.length - 1, i + 2)];
    d += `C${r0(b[0] + (c[0] - a[0]) / 6)} ${r0(b[1] + (c[1] - a[1]) / 6)} ${r0(c[0] - (e[0] - b[0]) / 6)} ${r0(c[1] - (e[1] - b[1]) / 6)} ${r0(c[0])} ${r0(c[1])}`;
  }
  return d;
}
// A curved temple roof seen from the front: eaves turn up. x = centre.
export function roof(x, y, w, h, top, fill, lift = 0.12) {
  const e = w / 2, t = top / 2, up = w * lift * 0.35;
  return path(`M${r0(x - e)} ${r0(y - up)}C${r0(x - e * 0.7)} ${r0(y)} ${r0(x - t - (e - t) * 0.35)} ${r0(y - h * 0.4)} ${r0(x - t)} ${r0(y - h)}H${r0(x + t)}C${r0(x + t + (e - t) * 0.35)} ${r0(y - h * 0.4)} ${r0(x + e * 0.7)} ${r0(y)} ${r0(x + e)} ${r0(y - up)}C${r0(x + e * 0.6)} ${r0(y + up * 0.5)} ${r0(x - e * 0.6)} ${r0(y + up * 0.5)} ${r0(x - e)} ${r0(y - up)}z`, fill);
}
export const at = (x, y, s, what, more = '') => `<g transform="translate(${r0(x)} ${r0(y)})${s === 1 ? '' : `scale(${s})`}"${more}>${what}</g>`;
