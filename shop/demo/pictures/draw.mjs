// Paints the demo's pictures into shop/static/pictures: node draw.mjs [FOLDER]. The same input gives the same bytes (chance is seeded by the picture's name).
// Landscapes in the manner of the old travel prints: flat layers, gradients for air, a few warm lights. Output is committed.
import { writeFileSync } from 'node:fs';
import { north } from './scenes-north.mjs';
import { middle } from './scenes-middle.mjs';
import { west } from './scenes-west.mjs';

const folder = process.argv[2] ?? new URL('../../static/pictures/', import.meta.url).pathname;
for (const [name, paint] of Object.entries({ ...north, ...middle, ...west })) {
  const text = paint(name);
  if (text.length > 20000) { console.error(`${name}: ${text.length} bytes, at most 20000`); process.exitCode = 1; }
  writeFileSync(`${folder}/${name}.svg`, text);
  console.log(`${name}.svg ${text.length}`);
}
