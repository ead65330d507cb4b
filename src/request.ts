/** A part of a message, as any chat API has it: see `readContent`. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: unknown }
  | { readonly type: 'input_audio'; readonly input_audio: unknown }
  | { readonly type: string; readonly [field: string]: unknown };

/** One OpenAI-style chat message. */
export interface Message {
  readonly role: string;
  readonly content?: string | readonly ContentPart[] | null;
  readonly name?: string;
  readonly tool_calls?: readonly unknown[];
}

/** What is to be answered: a text, or a conversation with what it offers. */
export interface Request {
  /** The prompt, when there is no conversation. */
  readonly text?: string;
  /** The conversation, oldest message first. Takes precedence over `text`. */
  readonly messages?: readonly Message[];
  /** Tool definitions offered to the model; their number and their length in tokens are looked at. */
  readonly tools?: readonly unknown[];
  /** The response format asked for, as in the OpenAI API (`{ type: 'json_schema', ... }`). */
  readonly responseFormat?: { readonly type: string };
}
