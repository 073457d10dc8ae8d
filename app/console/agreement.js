// How alike two rankings are: plain arithmetic on lists of names, best first.

/** How many of the first ten of each are among the first ten of the other, of how many there could be. */
export function overlap(one, other, depth = 10) {
  const [first, second] = [one.slice(0, depth), other.slice(0, depth)];
  return { common: first.filter((name) => second.includes(name)).length, of: Math.max(first.length, second.length) };
}

/** Kendall's tau over what both lists have: 1 the same order, −1 the reverse; null below two in common. */
export function kendall(one, other) {
  const places = one.filter((name) => other.includes(name)).map((name) => other.indexOf(name));
  const pairs = (places.length * (places.length - 1)) / 2;
  if (!pairs) return null;
  let agreeing = 0;
  for (let later = 1; later < places.length; later += 1) {
    for (let earlier = 0; earlier < later; earlier += 1) agreeing += places[earlier] < places[later] ? 1 : -1;
  }
  return agreeing / pairs;
}

/** How many places each moved from one list to the other, upwards positive; null for what is new. */
export function moves(from, to) {
  return to.map((name, place) => (from.includes(name) ? from.indexOf(name) - place : null));
}
