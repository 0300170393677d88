import { useState, type FormEvent } from 'react'
import { signIn } from '@/api/client'
import { Mark } from '@/shell/mark'
import { Button } from '@/ui/button'
import { TextInput } from '@/ui/field'
import { ProblemNote } from '@/ui/problem'

/** Asks for the token; the address that `motia dev` prints carries it. */
export function SignIn({ error: given, onDone }: { error: Error | null; onDone: () => void }) {
  const [token, setToken] = useState('')
  const [error, setError] = useState(given)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    try {
      await signIn(token.trim())
      onDone()
    } catch (problem) {
      setError(problem as Error)
    }
  }
  return (
    <main className="flex h-full items-center justify-center p-6">
      <form
        onSubmit={event => void submit(event)}
        className="flex w-96 flex-col gap-3 rounded-xl border border-line bg-panel p-6 shadow-pop"
      >
        <Mark className="size-7" />
        <h1 className="text-lg font-semibold">Sign in to the Workbench</h1>
        <p className="text-sm leading-relaxed text-muted">
          Open the address that <code className="font-mono text-xs text-ink">motia dev</code> prints: it
          carries the token. Or paste the token, or the password where one is set.
        </p>
        <TextInput
          type="password"
          aria-label="Token or password"
          placeholder="Token or password"
          autoFocus
          value={token}
          onChange={event => setToken(event.target.value)}
          className="h-9! text-sm!"
        />
        <Button
          look="primary"
          type="submit"
          disabled={token.trim() === ''}
          className="h-9 justify-center text-sm!"
        >
          Sign in
        </Button>
        {error && <ProblemNote error={error} />}
      </form>
    </main>
  )
}
