/** The sign of the project. */
export function Mark({ className = 'size-5' }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={`shrink-0 ${className}`} aria-hidden>
      <rect width="32" height="32" rx="8" fill="var(--live-solid)" />
      <path
        d="M7 22.5v-7h6v-6h6v6"
        fill="none"
        stroke="#fff"
        strokeWidth="3"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
      <circle cx="24" cy="19" r="2.6" fill="#fff" />
    </svg>
  )
}
