// A report of what a shop sells, six calls deep. The price of an item comes from memory.

function price(item) {
  const margin = item % 10;
  return 100 + margin;
}

function line(id) {
  const first = price(2 * id), second = price(2 * id + 1);
  return 2 * first + second;
}

function basket(id) {
  const first = line(2 * id), second = line(2 * id + 1);
  return first + second + 49;
}

function customer(id) {
  const first = basket(2 * id), second = basket(2 * id + 1);
  return first + second;
}

function region(id) {
  const first = customer(2 * id), second = customer(2 * id + 1);
  return first + second;
}

export function report(id) {
  const first = region(2 * id), second = region(2 * id + 1);
  return first + second;
}
