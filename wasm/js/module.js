// WebAssembly modules: each made once, from wherever the entry says that its bytes are.

/** A module whose functions can be called once `ready()` has resolved. */
export class Lazy {
  #glue;
  #bytes;
  #made;

  /** `glue` gives the JavaScript that wasm-bindgen wrote for it, also as a promise. */
  constructor(glue) {
    this.#glue = glue;
  }

  /** Says where the module comes from; what imports the package does so before anyone asks for it. */
  from(bytes) {
    this.#bytes = bytes;
  }

  /** Resolves with the glue, whose functions can be called. */
  ready() {
    this.#made ??= this.#make().catch((error) => {
      // The next call tries again: a fetch that failed once must not disable the page for good.
      this.#made = undefined;
      throw error;
    });
    return this.#made;
  }

  async #make() {
    const [glue, source] = await Promise.all([this.#glue(), this.#bytes()]);
    const module = source instanceof WebAssembly.Module ? source : await WebAssembly.compile(source);
    glue.initSync({ module });
    return glue;
  }
}
