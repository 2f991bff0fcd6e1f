// Methods of the client for brand kits and fonts.

import type { MessageInitShape } from "@bufbuild/protobuf";

import { type Calls, ONCE } from "../calls.js";
import { type BrandKit, type BrandKitSchema, BrandService, type Font } from "../gen/render/v1/brand_service_pb.js";
import type { CallOptions } from "../options.js";
import { given } from "../requests.js";

// The service reads every letter of a font: a large one of Chinese takes half a minute.
const UPLOAD_MS = 120_000;

/** Methods of the client for brand kits and fonts. */
export class BrandMethods {
  readonly #calls: Calls;

  /** @internal */
  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Stores a new brand kit, which projects can name. */
  async createBrandKit(
    brandKit: MessageInitShape<typeof BrandKitSchema>,
    options: CallOptions = {},
  ): Promise<BrandKit> {
    return given((await this.#calls.unary(BrandService.method.createBrandKit, { brandKit }, options, ONCE)).brandKit);
  }

  /** Returns a brand kit. */
  async getBrandKit(name: string, options: CallOptions = {}): Promise<BrandKit> {
    return given((await this.#calls.unary(BrandService.method.getBrandKit, { name }, options)).brandKit);
  }

  /** Replaces the brand kit of this name. With an etag, fails if the kit has changed since. */
  async updateBrandKit(
    brandKit: MessageInitShape<typeof BrandKitSchema>,
    options: CallOptions = {},
  ): Promise<BrandKit> {
    return given((await this.#calls.unary(BrandService.method.updateBrandKit, { brandKit }, options, ONCE)).brandKit);
  }

  /** Returns all brand kits of the workspace in the order of their names. */
  async listBrandKits(options: CallOptions = {}): Promise<BrandKit[]> {
    return (await this.#calls.unary(BrandService.method.listBrandKits, {}, options)).brandKits;
  }

  /** Deletes a brand kit. Jobs already started are not affected. */
  async deleteBrandKit(name: string, options: CallOptions = {}): Promise<void> {
    await this.#calls.unary(BrandService.method.deleteBrandKit, { name }, options, ONCE);
  }

  /** Uploads a font file (TTF or OTF), and returns the font, whose name texts use. */
  async uploadFont(
    content: Uint8Array,
    options: CallOptions & { family?: string; replace?: boolean } = {},
  ): Promise<Font> {
    const request = { content, family: options.family ?? "", replace: options.replace ?? false };
    return given(
      (await this.#calls.unary(BrandService.method.uploadFont, request, { timeoutMs: UPLOAD_MS, ...options })).font,
    );
  }

  /** Returns an uploaded font. */
  async getFont(fontId: string, options: CallOptions = {}): Promise<Font> {
    return given((await this.#calls.unary(BrandService.method.getFont, { fontId }, options)).font);
  }

  /** Returns all fonts that texts can name: those of the service, then the uploaded ones. */
  async listFonts(options: CallOptions = {}): Promise<Font[]> {
    return (await this.#calls.unary(BrandService.method.listFonts, {}, options)).fonts;
  }

  /** Deletes an uploaded font. Jobs already started keep it. */
  async deleteFont(fontId: string, options: CallOptions = {}): Promise<void> {
    await this.#calls.unary(BrandService.method.deleteFont, { fontId }, options, ONCE);
  }
}
