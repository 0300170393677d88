/** Code as the body of a function, lines where they were, and the paths it imports in order. */
export function toFunctionBody(
  source: string,
  options: { typescript: boolean; jsx: boolean },
): { code: string; imports: string[]; exports: string[] | null }
