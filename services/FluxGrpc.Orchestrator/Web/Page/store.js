// The gallery's images in this browser's IndexedDB, so that they outlive the page.

const mostImages = 500;

/** Opens the store. Where the browser has none (some private windows) the images live as long as the page. */
export async function openStore() {
  try {
    const database = await promiseOf(Object.assign(indexedDB.open("fluxgrpc", 1), {
      onupgradeneeded: ({ target }) => target.result.createObjectStore("images", { keyPath: "id", autoIncrement: true }),
    }));
    return new Store(database);
  } catch {
    return new Store(null);
  }
}

class Store {
  #database;
  #unkept = 0;

  constructor(database) {
    this.#database = database;
  }

  get isLasting() {
    return this.#database !== null;
  }

  /** Keeps an image, and forgets the oldest where there are too many. Returns its id. */
  async add(image) {
    if (!this.#database) return ++this.#unkept;
    const images = this.#images("readwrite");
    const id = await promiseOf(images.add(image));
    if (await promiseOf(images.count()) > mostImages) {
      const [oldest] = await promiseOf(images.getAllKeys(null, 1));
      await promiseOf(images.delete(oldest));
    }
    return id;
  }

  /** Up to `count` images, newest first, older than the one with the id `before`. */
  async newest(count, before = Infinity) {
    if (!this.#database) return [];
    const range = before === Infinity ? null : IDBKeyRange.upperBound(before, true);
    const found = [];
    const request = this.#images("readonly").openCursor(range, "prev");
    for (let cursor; found.length < count && (cursor = await promiseOf(request)); cursor.continue()) found.push(cursor.value);
    return found;
  }

  async remove(id) {
    if (this.#database) await promiseOf(this.#images("readwrite").delete(id));
  }

  async clear() {
    if (this.#database) await promiseOf(this.#images("readwrite").clear());
  }

  #images(mode) {
    return this.#database.transaction("images", mode).objectStore("images");
  }
}

function promiseOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
