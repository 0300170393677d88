import { Moon, Sun, SunMoon } from 'lucide-react'
import { useState } from 'react'
import { IconButton } from '@/ui/button'

const THEMES = ['system', 'light', 'dark'] as const
type Theme = (typeof THEMES)[number]
const ICONS = { system: SunMoon, light: Sun, dark: Moon }

function stored(): Theme {
  const theme = localStorage.getItem('theme')
  return theme === 'light' || theme === 'dark' ? theme : 'system'
}

/** Keep a choice; `public/theme.js` applies it before the first paint of the next visit. */
function applyTheme(theme: Theme): void {
  localStorage.setItem('theme', theme)
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

function nextTheme(): Theme {
  const next = THEMES[(THEMES.indexOf(stored()) + 1) % THEMES.length] ?? 'system'
  applyTheme(next)
  return next
}

export function ThemeButton() {
  const [theme, setTheme] = useState(stored)
  const Icon = ICONS[theme]
  return (
    <IconButton label={`Theme: ${theme}`} onClick={() => setTheme(nextTheme())}>
      <Icon />
    </IconButton>
  )
}
