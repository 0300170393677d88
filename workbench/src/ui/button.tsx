import type { ButtonHTMLAttributes, ReactNode } from 'react'

type Look = 'plain' | 'primary' | 'danger' | 'ghost'

const LOOKS: Record<Look, string> = {
  plain: 'border border-line-strong bg-raised text-ink hover:bg-hover',
  primary: 'bg-live-solid text-white hover:brightness-110',
  danger: 'border border-line-strong bg-raised text-bad hover:bg-bad-soft',
  ghost: 'text-muted hover:bg-hover hover:text-ink',
}

type Props = ButtonHTMLAttributes<HTMLButtonElement> & { look?: Look; icon?: ReactNode }

export function Button({ look = 'plain', icon, className = '', children, ...rest }: Props) {
  return (
    <button
      type="button"
      className={`inline-flex h-7 shrink-0 items-center gap-1.5 rounded-md px-2.5 text-xs font-medium whitespace-nowrap transition-colors disabled:opacity-45 ${LOOKS[look]} ${className}`}
      {...rest}
    >
      {icon}
      {children}
    </button>
  )
}

/** A button that is only an icon; `label` is its name and its tooltip. */
export function IconButton({
  label,
  children,
  className = '',
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { label: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={`inline-flex size-7 shrink-0 items-center justify-center rounded-md text-muted transition-colors hover:bg-hover hover:text-ink disabled:opacity-45 [&>svg]:size-3.5 ${className}`}
      {...rest}
    >
      {children}
    </button>
  )
}
