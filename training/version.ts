/** Version of the package, kept in every manifest; a test compares it with package.json. */
export const TOOL_VERSION = '0.1.0';
