// A report of what a shop sells, six calls deep. The price of an item comes from a server that takes 1 ms.
import { setTimeout as sleep } from 'node:timers/promises';

async function price(item) {
  await sleep(1);
  const margin = item % 10;
  return 100 + margin;
}

async function line(id) {
  const first = await price(2 * id), second = await price(2 * id + 1);
  return 2 * first + second;
}

async function basket(id) {
  const first = await line(2 * id), second = await line(2 * id + 1);
  return first + second + 49;
}

async function customer(id) {
  const first = await basket(2 * id), second = await basket(2 * id + 1);
  return first + second;
}

async function region(id) {
  const first = await customer(2 * id), second = await customer(2 * id + 1);
  return first + second;
}

export async function report(id) {
  const first = await region(2 * id), second = await region(2 * id + 1);
  return first + second;
}
