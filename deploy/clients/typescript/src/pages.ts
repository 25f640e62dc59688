// Lists that come in pages.

/** What an operation with a `cursor` returns. */
export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

/**
 * Yield the items of all pages, and read the next page only when it is needed.
 *
 * `each((cursor) => ovation.get("/v1/gifts", { params: { query: { cursor, limit: 100 } } }))`
 */
export async function* each<Item>(read: (cursor: string | null) => Promise<Page<Item>>): AsyncGenerator<Item, void> {
  let cursor: string | null = null;
  do {
    const page: Page<Item> = await read(cursor);
    yield* page.items;
    cursor = page.next_cursor;
  } while (cursor !== null);
}
